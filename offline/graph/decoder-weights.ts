import type { Segment, Variant } from '../../core/bundle-manifest.ts';
import type { ModelConfig } from '../../core/model-config.ts';
import { WEIGHTS, type LayerTensors } from '../sources/source-model.ts';
import { storeAttention, type AttentionWeights } from './attention-weights.ts';
import { storeLinear, type Linear, type LinearForm } from './linear.ts';
import { columns } from './matrix-parts.ts';
import type { WeightsFile } from './weights-file.ts';

/** The stored products of the elastic decoder. Norms and tables are found by name: {@link STORED}. */
export interface DecoderWeights {
  /** By index into the plan's segments. */
  readonly attention: ReadonlyMap<number, AttentionWeights>;
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
  const attention = new Map<number, AttentionWeights>();
  const mlp = new Map<number, { gate: Linear; up: Linear; down: Linear }>();
  for (let layer = 0; layer < config.layers; layer++) {
    const weights = model.layer(layer);
    file.add(STORED.attentionNorm(layer), 'float32', [d], weights.attentionNorm);
    file.add(STORED.mlpNorm(layer), 'float32', [d], weights.mlpNorm);
    for (const [index, segment] of segments.entries())
      if (segment.layer === layer && segment.kind === 'attention')
        attention.set(index, storeAttention(file, config, weights, segment, forms.attention));
    for (const [index, segment] of segments.entries()) {
      if (segment.layer !== layer || segment.kind !== 'mlp') continue;
      const { unitStart, units } = segment;
      const rows = (matrix: Float32Array): Float32Array =>
        matrix.subarray(unitStart * d, (unitStart + units) * d);
      const prefix = `layers.${layer}.mlp.${unitStart}`;
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
