import type { ModelConfig } from '../../core/model-config.ts';

/** Says in every list and report that this is the small stand-in, not the default model. */
export const BUILT_IN_MODEL = 'bungee-built-in-3m';

/** The default model's family at a fortieth of its size. */
export const BUILT_IN_CONFIG: ModelConfig = {
  architecture: 'llama',
  hiddenSize: 192,
  layers: 6,
  heads: 6,
  kvHeads: 3,
  headDim: 32,
  ffnSize: 512,
  vocabSize: 4096,
  contextLength: 2048,
  ropeTheta: 10_000,
  rmsNormEps: 1e-5,
  tiedEmbedding: true,
  qkvBias: false,
  qkNorm: false,
};

/** How the committed weights were trained; `npm run train-built-in` uses the same. */
export interface TrainingSettings {
  readonly seed: number;
  readonly steps: number;
  readonly windowsPerStep: number;
  readonly windowTokens: number;
  readonly learningRate: number;
  readonly warmUpSteps: number;
  /** Share of the steps, at the end, in which the learning rate falls to zero. */
  readonly decayShare: number;
  readonly weightDecay: number;
  readonly betas: readonly [number, number];
  /** Gradients longer than this (over all parameters) are scaled down to it. */
  readonly clipNorm: number;
  readonly checkpointEvery: number;
  readonly heldOutWindows: number;
}

export const BUILT_IN_TRAINING: TrainingSettings = {
  seed: 1,
  steps: 1500,
  windowsPerStep: 4,
  windowTokens: 512,
  learningRate: 2e-3,
  warmUpSteps: 100,
  decayShare: 0.3,
  weightDecay: 0.1,
  betas: [0.9, 0.95],
  clipNorm: 1,
  checkpointEvery: 50,
  heldOutWindows: 32,
};

/**
 * Learning rate of a step: linear warm-up, constant, then 1 - sqrt to zero. As good as a cosine (Hägele et al. 2024,
 * "Scaling laws and compute-optimal training beyond fixed training durations"), and until the fall begins nothing
 * depends on the number of steps, so a run can be made shorter or longer on the way.
 */
export function learningRateAt(step: number, settings: TrainingSettings): number {
  const { learningRate, warmUpSteps, steps, decayShare } = settings;
  const decaySteps = steps * decayShare;
  const into = Math.max(0, step - (steps - decaySteps));
  const fall = decaySteps === 0 ? 1 : Math.max(0, 1 - Math.sqrt(into / decaySteps));
  return learningRate * Math.min(1, (step + 1) / warmUpSteps) * fall;
}
