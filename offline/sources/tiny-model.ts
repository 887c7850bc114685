import { createHash } from 'node:crypto';
import type { ModelConfig } from '../../core/model-config.ts';
import { normalSample, seededRandom } from '../../core/random.ts';
import { expectedWeights, type SourceModel } from './source-model.ts';
import { tinyTokenizer, TINY_VOCAB } from './tiny-tokenizer.ts';

export interface TinyOptions {
  readonly seed?: number;
  readonly config?: Partial<ModelConfig>;
}

/** Shape of the tiny model: the same family as the real ones, small enough for tests. */
export const TINY_CONFIG: ModelConfig = {
  architecture: 'llama',
  hiddenSize: 64,
  layers: 4,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  ffnSize: 256,
  vocabSize: TINY_VOCAB,
  contextLength: 512,
  ropeTheta: 10_000,
  rmsNormEps: 1e-5,
  tiedEmbedding: true,
  qkvBias: false,
  qkNorm: false,
};

/** Mean and deviation of a weight's values: norms near 1, biases large enough to matter, matrices by fan-in. */
function distribution(name: string, shape: readonly number[]): readonly [number, number] {
  if (name.endsWith('.bias')) return [0, 0.3];
  return shape.length === 1 ? [1, 0.1] : [0, 1 / Math.sqrt(shape.at(-1) ?? 1)];
}

/** A random model with a byte-level tokenizer and ChatML template; equal seeds give equal models. */
export function tinySourceModel(options: TinyOptions = {}): SourceModel {
  const seed = options.seed ?? 1;
  const config: ModelConfig = { ...TINY_CONFIG, ...options.config };
  const random = seededRandom(seed);
  const tensors = new Map<string, Float32Array>();
  const hash = createHash('sha256');
  for (const [name, shape] of expectedWeights(config)) {
    const values = new Float32Array(shape.reduce((product, dim) => product * dim, 1));
    const [centre, spread] = distribution(name, shape);
    for (let i = 0; i < values.length; i++) values[i] = centre + spread * normalSample(random);
    tensors.set(name, values);
    hash.update(values);
  }
  return {
    name: 'tiny-random',
    format: 'random f32',
    sha256: hash.digest('hex'),
    licence: { spdx: 'Apache-2.0', notice: 'Random weights made by Bungee.' },
    config,
    tokenizer: tinyTokenizer(),
    tensor: (name) => {
      const values = tensors.get(name);
      if (values === undefined) throw new RangeError(`no weight named ${name}`);
      return values.slice();
    },
    close: () => undefined,
  };
}
