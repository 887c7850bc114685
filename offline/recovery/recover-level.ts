import type { AdapterParameters } from '../../core/recovery-adapter.ts';
import { ADAMW, adamWStep, learningRateAt } from '../training/adamw.ts';
import type { LevelTrainer } from '../training/level-trainer.ts';
import { fromCheckpoint, startBest, toCheckpoint, type BestState } from './best-state.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { batchTargets, type Objective } from './objective.ts';
import type { TaughtBatch, Teacher } from './teacher.ts';

/** How one level is trained. */
export interface RecoveryRecipe {
  readonly objective: Objective;
  readonly steps: number;
  /** Windows per step. */
  readonly batch: number;
  readonly candidates: number;
  readonly peakLearningRate: number;
  readonly warmUpSteps: number;
  /** Steps between two looks at the held-out loss, each followed by a checkpoint. */
  readonly lookEvery: number;
}

export interface RecoverLevelOptions {
  readonly trainer: LevelTrainer;
  readonly recipe: RecoveryRecipe;
  /** Parameters to start from. */
  readonly start: AdapterParameters;
  /** Places of this level's windows; step s takes `batch` of them from s * batch on, around. */
  readonly places: readonly number[];
  readonly teacher: Teacher;
  /** Batches that training does not see; [] keeps the last parameters. */
  readonly heldOut: readonly TaughtBatch[];
  readonly checkpointPath: string;
  /** Of the run that the checkpoint belongs to. */
  readonly identity: string;
}

export interface RecoveryStep {
  readonly step: number;
  readonly loss: number;
  /** Held-out loss where it was just looked at. */
  readonly heldOutLoss: number | null;
}

export interface LevelOutcome {
  readonly parameters: AdapterParameters;
  readonly heldOutLoss: number;
  readonly startLoss: number | null;
  readonly bestStep: number;
}

/** Frozen weights: nothing is shared. */
const NOTHING_SHARED = new Float32Array(0);

/**
 * Trains one level's adapter on frozen weights: AdamW, warm-up and cosine, the best parameters by held-out loss
 * (paper §2.5). Killed at any point and called again with the same options it goes on from its last checkpoint
 * and ends with the same parameters.
 */
export async function recoverLevel(
  options: RecoverLevelOptions,
  onStep: (step: RecoveryStep) => void,
  signal?: AbortSignal,
): Promise<LevelOutcome> {
  const { recipe, trainer, checkpointPath, identity } = options;
  const resumed = fromCheckpoint(readCheckpoint(checkpointPath, identity));
  let state: BestState;
  let startLoss: number | null = null;
  if (resumed !== null) state = resumed;
  else {
    startLoss = await heldOutLoss(options, options.start);
    state = startBest(options.start.slice(), startLoss);
    onStep({ step: 0, loss: startLoss, heldOutLoss: startLoss });
  }
  const { parameters, optimizer } = state;
  while (optimizer.step < recipe.steps) {
    signal?.throwIfAborted();
    const step = optimizer.step;
    const places = Array.from(
      { length: recipe.batch },
      (_, i) => options.places[(step * recipe.batch + i) % options.places.length] as number,
    );
    const { windows, teacher } = await options.teacher.batch(places);
    const targets = batchTargets(windows, teacher, recipe.candidates, recipe.objective);
    const { loss, gradient } = await trainer.gradient(windows, targets, {
      adapter: parameters,
      shared: NOTHING_SHARED,
    });
    if (!Number.isFinite(loss)) throw new Error(`step ${step}: the loss is ${loss}`);
    const rate = learningRateAt(step, {
      peak: recipe.peakLearningRate,
      warmUpSteps: recipe.warmUpSteps,
      steps: recipe.steps,
      floor: 0.05,
    });
    adamWStep(parameters, gradient.adapter, optimizer, rate, ADAMW);
    let held: number | null = null;
    if (optimizer.step % recipe.lookEvery === 0 || optimizer.step === recipe.steps) {
      held = await heldOutLoss(options, parameters);
      // Without a window to judge by, the last parameters are the ones.
      if (options.heldOut.length === 0 || held < state.bestLoss)
        state = { ...state, best: parameters.slice(), bestLoss: held, bestStep: optimizer.step };
      writeCheckpoint(checkpointPath, identity, toCheckpoint(state));
    }
    onStep({ step: optimizer.step, loss, heldOutLoss: held });
  }
  return { parameters: state.best, heldOutLoss: state.bestLoss, startLoss, bestStep: state.bestStep };
}

async function heldOutLoss(
  { trainer, recipe, heldOut }: RecoverLevelOptions,
  parameters: AdapterParameters,
): Promise<number> {
  let sum = 0;
  for (const { windows, teacher } of heldOut) {
    const targets = batchTargets(windows, teacher, recipe.candidates, recipe.objective);
    sum += await trainer.loss(windows, targets, { adapter: parameters, shared: NOTHING_SHARED });
  }
  return sum / Math.max(1, heldOut.length);
}
