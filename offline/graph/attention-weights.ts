import type { Segment } from '../../core/bundle-manifest.ts';
import type { ModelConfig } from '../../core/model-config.ts';
import type { LayerTensors } from '../sources/source-model.ts';
import { storeLinear, type Linear, type LinearForm } from './linear.ts';
import { columns, concat } from './matrix-parts.ts';
import type { WeightsFile } from './weights-file.ts';

/** What is stored of an attention segment: a run of whole KV groups with their query heads. */
export interface AttentionWeights {
  /** First KV group of the run, and how many there are. */
  readonly groupStart: number;
  readonly groups: number;
  /** Rows of the queries, then of the keys, then of the values. */
  readonly qkv: Linear;
  readonly o: Linear;
  /** Name of [qkv width]: biases of q, k and v as their rows are packed; null where the model has none. */
  readonly qkvBias: string | null;
  /** Name of [query + key heads, headDim]: the q norm once per query head, then the k norm once per key head. */
  readonly headNorm: string | null;
}

/** Writes one attention segment. A layer's only segment bears the layer's name. */
export function storeAttention(
  file: WeightsFile,
  config: ModelConfig,
  weights: LayerTensors,
  { layer, unitStart, units }: Segment,
  form: LinearForm,
): AttentionWeights {
  const { hiddenSize: d, headDim, heads, kvHeads } = config;
  const queryRows = (heads / kvHeads) * headDim;
  const whole = units === kvHeads;
  const name = whole ? `layers.${layer}` : `layers.${layer}.attention.${unitStart}`;
  /** The segment's rows of a matrix with `rows` rows of length `width` per group. */
  const part = (matrix: Float32Array, rows: number, width: number): Float32Array =>
    matrix.subarray(unitStart * rows * width, (unitStart + units) * rows * width);
  const packed = (q: Float32Array, k: Float32Array, v: Float32Array, width: number): Float32Array =>
    concat(part(q, queryRows, width), part(k, headDim, width), part(v, headDim, width));

  let qkvBias: string | null = null;
  if (config.qkvBias) {
    const { qBias, kBias, vBias } = weights;
    if (!qBias || !kBias || !vBias) throw new RangeError(`layer ${layer} has no q/k/v biases`);
    const bias = packed(qBias, kBias, vBias, 1);
    qkvBias = `${name}.qkv_bias`;
    file.add(qkvBias, 'float32', [bias.length], bias);
  }
  let headNorm: string | null = null;
  if (config.qkNorm) {
    const { qNorm, kNorm } = weights;
    if (!qNorm || !kNorm) throw new RangeError(`layer ${layer} has no q/k norms`);
    const queryHeads = (units * heads) / kvHeads;
    const norms = Array.from({ length: queryHeads + units }, (_, head) =>
      head < queryHeads ? qNorm : kNorm,
    );
    headNorm = `${name}.head_norm`;
    file.add(headNorm, 'float32', [norms.length, headDim], concat(...norms));
  }
  const qkv = packed(weights.q, weights.k, weights.v, d);
  const o = whole ? weights.o : columns(weights.o, heads * headDim, unitStart * queryRows, units * queryRows);
  return {
    groupStart: unitStart,
    groups: units,
    qkv: storeLinear(file, `${name}.qkv`, form, qkv, qkv.length / d),
    o: storeLinear(file, `${name}.o`, form, o, d),
    qkvBias,
    headNorm,
  };
}
