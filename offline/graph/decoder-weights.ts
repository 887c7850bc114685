import type { Segment, Variant } from '../../core/bundle-manifest.ts';
import type { ModelConfig } from '../../core/model-config.ts';
import { WEIGHTS, type LayerTensors } from '../sources/source-model.ts';
import { storeLinear, type Linear, type LinearForm } from './linear.ts';
import type { WeightsFile } from './weights-file.ts';

/** The stored products of the elastic decoder. Norms and tables are found by name: {@link STORED}. */
export interface DecoderWeights {
  readonly attention: readonly { readonly qkv: Linear; readonly o: Linear }[];
  /** By index into the plan's segments. */
  readonly mlp: ReadonlyMap<number, { readonly gate: Linear; readonly up: Linear; readonly down: Linear }>;
  readonly head: Linear;
  readonly embedding: 'f32' | 'block8';
}

/** Names of stored tensors that are no products. */
export const STORED = {
  embedding: 'embedding',
  embeddingScale: 'embedding.scale',
  finalNorm: 'final_norm',
  ropeCos: 'rope.cos',
  ropeSin: 'rope.sin',
  attentionNorm: (layer: number): string => `layers.${layer}.attention_norm`,
  mlpNorm: (layer: number): string => `layers.${layer}.mlp_norm`,
  /** [qkv width]: biases of q, k and v as their rows are packed. */
  qkvBias: (layer: number): string => `layers.${layer}.qkv_bias`,
  /** [heads + KV heads, headDim]: the q norm once per query head, then the k norm once per key head. */
  headNorm: (layer: number): string => `layers.${layer}.head_norm`,
  /** [headDim] ones: what heads are normalized with before their own weights are multiplied in. */
  headOnes: 'head_ones',
} as const;

/** Storage of each group of products. */
export interface DecoderForms {
  readonly attention: LinearForm;
  readonly gateUp: LinearForm;
  readonly down: LinearForm;
  readonly head: LinearForm;
}

/** Storage per variant; why: docs/decisions/0042-int8-by-smoothing.md. */
export const VARIANT_FORMS: Readonly<Record<Variant, DecoderForms>> = {
  int8: { attention: 'int8', gateUp: 'int8', down: 'block8', head: 'block8' },
  q8: { attention: 'block8', gateUp: 'block8', down: 'block8', head: 'block8' },
  q4: { attention: 'block4', gateUp: 'block4', down: 'block4', head: 'block8' },
  f32: { attention: 'f32', gateUp: 'f32', down: 'f32', head: 'f32' },
};

/** Weights as they go into the bundle: a source model whose layers may have been reordered and rescaled. */
export interface LayeredModel {
  readonly config: ModelConfig;
  readonly layer: (layer: number) => LayerTensors;
  /** Weights outside of layers: embedding, final norm, head. */
  readonly tensor: (name: string) => Float32Array;
}

function concat(...parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** The vectors that only some architectures have, packed as the graph wants them. */
function storeOptional(file: WeightsFile, config: ModelConfig, weights: LayerTensors, layer: number): void {
  const { heads, kvHeads, headDim } = config;
  const { qBias, kBias, vBias, qNorm, kNorm } = weights;
  if (config.qkvBias) {
    if (!qBias || !kBias || !vBias) throw new RangeError(`layer ${layer} has no q/k/v biases`);
    const bias = concat(qBias, kBias, vBias);
    file.add(STORED.qkvBias(layer), 'float32', [bias.length], bias);
  }
  if (config.qkNorm) {
    if (!qNorm || !kNorm) throw new RangeError(`layer ${layer} has no q/k norms`);
    const norms = Array.from({ length: heads + kvHeads }, (_, head) => (head < heads ? qNorm : kNorm));
    file.add(STORED.headNorm(layer), 'float32', [heads + kvHeads, headDim], concat(...norms));
  }
}

/** Columns [from, from + count) of a row-major matrix. */
function columns(matrix: Float32Array, width: number, from: number, count: number): Float32Array {
  const rows = matrix.length / width;
  const out = new Float32Array(rows * count);
  for (let row = 0; row < rows; row++)
    out.set(matrix.subarray(row * width + from, row * width + from + count), row * count);
  return out;
}

/** cos and sin of position x frequency, [contextLength, headDim / 2] each. */
function storeRotaryTables(file: WeightsFile, config: ModelConfig): void {
  const half = config.headDim / 2;
  const cos = new Float32Array(config.contextLength * half);
  const sin = new Float32Array(config.contextLength * half);
  for (let i = 0; i < half; i++) {
    const frequency = config.ropeTheta ** ((-2 * i) / config.headDim);
    for (let position = 0; position < config.contextLength; position++) {
      cos[position * half + i] = Math.cos(position * frequency);
      sin[position * half + i] = Math.sin(position * frequency);
    }
  }
  file.add(STORED.ropeCos, 'float32', [config.contextLength, half], cos);
  file.add(STORED.ropeSin, 'float32', [config.contextLength, half], sin);
}

function storeHead(
  file: WeightsFile,
  model: LayeredModel,
  form: LinearForm,
): Pick<DecoderWeights, 'head' | 'embedding'> {
  const { vocabSize, hiddenSize, tiedEmbedding } = model.config;
  const rows = model.tensor(WEIGHTS.embedding);
  const embedding = form === 'f32' ? 'f32' : 'block8';
  const source = tiedEmbedding ? 'head' : 'embedding_rows';
  const head = storeLinear(file, 'head', form, tiedEmbedding ? rows : model.tensor(WEIGHTS.head), vocabSize);
  if (!tiedEmbedding) storeLinear(file, source, embedding, rows, vocabSize);
  file.alias(STORED.embedding, source, [vocabSize, hiddenSize]);
  if (embedding === 'block8') {
    const blocks = (file.catalog.get(`${source}.scale`)?.dims[0] ?? 0) / vocabSize;
    file.alias(STORED.embeddingScale, `${source}.scale`, [vocabSize, blocks]);
  }
  return { head, embedding };
}

/**
 * Writes all weights of a decoder, cut into its segments, layer by layer.
 *
 * @param onLayer called after each layer, for progress and cancellation (it may throw).
 */
export function storeDecoder(
  file: WeightsFile,
  model: LayeredModel,
  segments: readonly Segment[],
  forms: DecoderForms,
  onLayer: (layer: number) => void,
): DecoderWeights {
  const { config } = model;
  const { hiddenSize: d, ffnSize } = config;
  const head = storeHead(file, model, forms.head);
  file.add(STORED.finalNorm, 'float32', [d], model.tensor(WEIGHTS.finalNorm));
  storeRotaryTables(file, config);
  if (config.qkNorm)
    file.add(STORED.headOnes, 'float32', [config.headDim], new Float32Array(config.headDim).fill(1));
  const attention: { qkv: Linear; o: Linear }[] = [];
  const mlp = new Map<number, { gate: Linear; up: Linear; down: Linear }>();
  for (let layer = 0; layer < config.layers; layer++) {
    const weights = model.layer(layer);
    file.add(STORED.attentionNorm(layer), 'float32', [d], weights.attentionNorm);
    file.add(STORED.mlpNorm(layer), 'float32', [d], weights.mlpNorm);
    storeOptional(file, config, weights, layer);
    const name = `layers.${layer}`;
    const qkv = concat(weights.q, weights.k, weights.v);
    attention.push({
      qkv: storeLinear(file, `${name}.qkv`, forms.attention, qkv, qkv.length / d),
      o: storeLinear(file, `${name}.o`, forms.attention, weights.o, d),
    });
    for (const [index, segment] of segments.entries()) {
      if (segment.layer !== layer || segment.kind !== 'mlp') continue;
      const { unitStart, units } = segment;
      const rows = (matrix: Float32Array): Float32Array =>
        matrix.subarray(unitStart * d, (unitStart + units) * d);
      const prefix = `${name}.mlp.${unitStart}`;
      mlp.set(index, {
        gate: storeLinear(file, `${prefix}.gate`, forms.gateUp, rows(weights.gate), units),
        up: storeLinear(file, `${prefix}.up`, forms.gateUp, rows(weights.up), units),
        down: storeLinear(
          file,
          `${prefix}.down`,
          forms.down,
          columns(weights.down, ffnSize, unitStart, units),
          d,
        ),
      });
    }
    onLayer(layer);
  }
  return { attention, mlp, ...head };
}
