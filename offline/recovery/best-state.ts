import { adamWState, type AdamWState } from '../training/adamw.ts';
import type { Checkpoint } from './checkpoint.ts';

/** A training run that keeps its best parameters, between two steps. */
export interface BestState {
  readonly parameters: Float32Array;
  readonly optimizer: AdamWState;
  /** The best parameters so far by held-out loss. */
  readonly best: Float32Array;
  readonly bestLoss: number;
  readonly bestStep: number;
}

export function startBest(parameters: Float32Array, loss: number): BestState {
  const optimizer = adamWState(parameters.length);
  return { parameters, optimizer, best: parameters.slice(), bestLoss: loss, bestStep: 0 };
}

export function toCheckpoint({ parameters, optimizer, best, bestLoss, bestStep }: BestState): Checkpoint {
  const { step, first, second } = optimizer;
  return { numbers: { step, bestLoss, bestStep }, arrays: { parameters, first, second, best } };
}

/** null where something is missing. */
export function fromCheckpoint(checkpoint: Checkpoint | null): BestState | null {
  if (checkpoint === null) return null;
  const { step, bestLoss, bestStep } = checkpoint.numbers;
  const { parameters, first, second, best } = checkpoint.arrays;
  if (step === undefined || bestLoss === undefined || bestStep === undefined) return null;
  if (parameters === undefined || first === undefined || second === undefined || best === undefined)
    return null;
  return { parameters, optimizer: { step, first, second }, best, bestLoss, bestStep };
}
