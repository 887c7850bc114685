import { normalSample, seededRandom } from '../../../core/random.ts';
import { tlmInputs, tlmLayout, type TlmConfig } from '../../../core/tlm.ts';
import { initialTlmParameters } from '../../../offline/tlm/tlm-parameters.ts';
import type { DecisionExample, ScoreExample } from '../../../offline/tlm/tlm-task.ts';

export const TINY_TLM: TlmConfig = {
  hiddenSize: 24,
  heads: 2,
  ffnSize: 32,
  sharedLayers: 1,
  scoreLayers: 1,
  decisionLayers: 1,
  rowTokens: 10,
};

/** Random parameters none of which is at its starting value. */
export function randomTlmParameters(config: TlmConfig, inputSize: number, seed: number): Float32Array {
  const parameters = initialTlmParameters(config, inputSize, seed);
  const random = seededRandom(seed + 1);
  for (const { name, offset, length } of tlmLayout(config, inputSize).entries)
    for (let i = offset; i < offset + length; i++)
      parameters[i] =
        (parameters[i] as number) +
        (name.includes('orm') || /score.out|prompt|level/.test(name) ? 0.2 : 0) * normalSample(random);
  return parameters;
}

export function randomEmbedding(vocabulary: number, size: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  return new Float32Array(vocabulary * size).map(() => 0.1 * normalSample(random));
}

export interface ExampleOptions {
  readonly config?: TlmConfig;
  readonly tokens: number;
  readonly vocabulary: number;
  readonly seed: number;
}

/** A prompt of random tokens, its last two fixed, under a random SLO. */
export function randomExample({
  config = TINY_TLM,
  tokens,
  vocabulary,
  seed,
}: ExampleOptions): ScoreExample & DecisionExample {
  const random = seededRandom(seed);
  const ids = Array.from({ length: tokens }, () => Math.floor(random() * vocabulary));
  const words = Int32Array.from(ids, (_, i) => (i < tokens - 2 ? i : -1));
  return {
    inputs: tlmInputs(config, ids, words, { ttft: Math.ceil(10 * random()) / 10, tpot: 0.5 }),
    targets: Float32Array.from(ids, () => random()),
    weights: Float32Array.from(ids, (_, i) => (i < tokens - 2 ? random() : 0)),
    rewards: new Float32Array(90).map(() => (random() < 0.3 ? 0 : random())),
  };
}
