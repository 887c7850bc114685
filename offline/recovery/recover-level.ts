import type { AdapterParameters } from '../../core/recovery-adapter.ts';
import { ADAMW, adamWState, adamWStep, learningRateAt } from '../training/adamw.ts';
import type { AdapterTrainer } from '../training/adapter-trainer.ts';
import { readCheckpoint, writeCheckpoint, type Checkpoint } from './checkpoint.ts';
import { batchTargets, type LabelledWindow, type Objective } from './objective.ts';
import type { TeacherCache, TeacherWindow } from './teacher-cache.ts';

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
  readonly trainer: AdapterTrainer;
  readonly recipe: RecoveryRecipe;
  /** Parameters to start from. */
  readonly start: AdapterParameters;
  /** Window at a place of the training stream. */
  readonly window: (index: number) => LabelledWindow;
  /** Places of this level's windows; step s takes `batch` of them from s * batch on, around. */
  readonly places: readonly number[];
  readonly teacher: TeacherCache | null;
  /** Batches of windows that training does not see, with what the teacher says of them; [] keeps the last parameters. */
  readonly heldOut: readonly {
    readonly windows: readonly LabelledWindow[];
    readonly teacher: readonly TeacherWindow[] | null;
  }[];
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
  const resumed = readCheckpoint(checkpointPath, identity);
  let state: Checkpoint;
  let startLoss: number | null = null;
  if (resumed !== null) state = resumed;
  else {
    startLoss = await heldOutLoss(options, options.start);
    state = {
      parameters: options.start.slice(),
      optimizer: adamWState(options.start.length),
      best: options.start.slice(),
      bestLoss: startLoss,
      bestStep: 0,
    };
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
    const windows = places.map((place) => options.window(place));
    const teacher = options.teacher;
    const said: TeacherWindow[] = [];
    if (teacher !== null && recipe.candidates > 0)
      for (const [i, place] of places.entries())
        said.push(await teacher.window(place, windows[i] as LabelledWindow));
    const targets = batchTargets(windows, said.length > 0 ? said : null, recipe.candidates, recipe.objective);
    const { loss, gradient } = await trainer.gradient(windows, targets, parameters);
    if (!Number.isFinite(loss)) throw new Error(`step ${step}: the loss is ${loss}`);
    const rate = learningRateAt(step, {
      peak: recipe.peakLearningRate,
      warmUpSteps: recipe.warmUpSteps,
      steps: recipe.steps,
      floor: 0.05,
    });
    adamWStep(parameters, gradient, optimizer, rate, ADAMW);
    let held: number | null = null;
    if (optimizer.step % recipe.lookEvery === 0 || optimizer.step === recipe.steps) {
      held = await heldOutLoss(options, parameters);
      // Without a window to judge by, the last parameters are the ones.
      if (options.heldOut.length === 0 || held < state.bestLoss)
        state = { ...state, best: parameters.slice(), bestLoss: held, bestStep: optimizer.step };
      writeCheckpoint(checkpointPath, identity, state);
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
    sum += await trainer.loss(windows, targets, parameters);
  }
  return sum / Math.max(1, heldOut.length);
}
