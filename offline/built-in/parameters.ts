import type { ModelConfig } from '../../core/model-config.ts';
import { normalSample, seededRandom } from '../../core/random.ts';
import { layerWeight, WEIGHTS, type LayerWeight } from '../sources/source-model.ts';

/** Where a weight lies in the flat parameters that are trained. */
export interface ParameterEntry {
  /** As the training graph names it: {@link WEIGHTS}, `<layer>.q`, `<layer>.attentionNorm`. */
  readonly name: string;
  readonly dims: readonly number[];
  readonly offset: number;
  readonly length: number;
  /** Hugging Face's name of it. */
  readonly sourceName: string;
  /** `o` and `down` are trained input-major; in Hugging Face's form rows are outputs. */
  readonly transposed: boolean;
}

/** Every weight of a plain Llama with tied embedding, in the form the training graph has it, one after the other. */
export function parameterLayout(config: ModelConfig): { total: number; entries: ParameterEntry[] } {
  const { hiddenSize: d, ffnSize, heads, kvHeads, headDim } = config;
  const entries: ParameterEntry[] = [];
  let total = 0;
  const add = (name: string, sourceName: string, dims: readonly number[], transposed = false): void => {
    const length = dims.reduce((product, dim) => product * dim, 1);
    entries.push({ name, dims, offset: total, length, sourceName, transposed });
    total += length;
  };
  add(WEIGHTS.embedding, WEIGHTS.embedding, [config.vocabSize, d]);
  add(WEIGHTS.finalNorm, WEIGHTS.finalNorm, [d]);
  const perLayer: [LayerWeight, readonly number[], boolean][] = [
    ['attentionNorm', [d], false],
    ['q', [heads * headDim, d], false],
    ['k', [kvHeads * headDim, d], false],
    ['v', [kvHeads * headDim, d], false],
    ['o', [heads * headDim, d], true],
    ['mlpNorm', [d], false],
    ['gate', [ffnSize, d], false],
    ['up', [ffnSize, d], false],
    ['down', [ffnSize, d], true],
  ];
  for (let layer = 0; layer < config.layers; layer++)
    for (const [weight, dims, transposed] of perLayer)
      add(`${layer}.${weight}`, layerWeight(layer, weight), dims, transposed);
  return { total, entries };
}

/** The part of flat parameters, or of their gradient, that belongs to one weight; shares memory. */
export function parameterView(parameters: Float32Array, entry: ParameterEntry): Float32Array {
  return parameters.subarray(entry.offset, entry.offset + entry.length);
}

/** Standard deviation of the embedding, GPT-2's. */
const EMBEDDING_DEVIATION = 0.02;
/** Of a matrix, times sqrt(inputs): GPT-2's 0.02 at 768 inputs. */
const MATRIX_DEVIATION = 0.55;

/**
 * Random weights to train from: norms one, matrices normal; what adds to the residual stream is smaller by
 * sqrt(2 x layers), so that the stream's size does not depend on depth (GPT-2, section 2.3).
 */
export function initialParameters(config: ModelConfig, seed: number): Float32Array {
  const { total, entries } = parameterLayout(config);
  const random = seededRandom(seed);
  const parameters = new Float32Array(total);
  for (const entry of entries) {
    const view = parameterView(parameters, entry);
    const [rows = 1, columns] = entry.dims;
    if (columns === undefined) {
      view.fill(1);
      continue;
    }
    const inputs = entry.transposed ? rows : columns;
    const deviation =
      entry.name === WEIGHTS.embedding
        ? EMBEDDING_DEVIATION
        : (MATRIX_DEVIATION / Math.sqrt(inputs)) * (entry.transposed ? 1 / Math.sqrt(2 * config.layers) : 1);
    for (let i = 0; i < view.length; i++) view[i] = deviation * normalSample(random);
  }
  return parameters;
}

/** A weight as Hugging Face stores it, [out, in]. */
export function sourceTensor(parameters: Float32Array, entry: ParameterEntry): Float32Array {
  const view = parameterView(parameters, entry);
  const [inputs = 1, outputs = 1] = entry.dims;
  if (!entry.transposed) return view.slice();
  const rows = new Float32Array(view.length);
  for (let i = 0; i < inputs; i++)
    for (let o = 0; o < outputs; o++) rows[o * inputs + i] = view[i * outputs + o] as number;
  return rows;
}
