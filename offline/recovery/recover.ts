import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Level } from '../../core/level.ts';
import type { AdapterParameters, AdapterShape } from '../../core/recovery-adapter.ts';
import type { LayerShape } from '../training/layer-shape.ts';
import { LevelTrainer } from '../training/level-trainer.ts';
import type { TrainingWeights } from '../training/training-weights.ts';
import type { Objective } from './objective.ts';
import { recoverLevel, type RecoveryRecipe } from './recover-level.ts';
import { runHash, shuffledPlaces } from './run-identity.ts';
import { startParameters } from './start-parameters.ts';
import { Teacher, type RecoveryText } from './teacher.ts';

/** A sub-model to recover. */
export interface RecoveryTarget {
  /** For files and progress, e.g. `level-60`. */
  readonly name: string;
  readonly level: Level;
  readonly layers: readonly LayerShape[];
  readonly steps: number;
  /** Where training starts: at the adapter of the target before (default), or at the level's own so far. */
  readonly from?: 'before' | 'itself';
  /** First of its windows in the stream, default 0. */
  readonly firstWindow?: number;
  /** Of the options' peak learning rate; default 1. */
  readonly learningRateScale?: number;
}

export interface RecoveryOptions {
  readonly weights: TrainingWeights;
  /** Hash of the base weights and of the order of their units. */
  readonly weightsIdentity: string;
  /** In the order of training. A level may come again, to be trained further; its last adapter counts. */
  readonly targets: readonly RecoveryTarget[];
  readonly adapter: AdapterShape;
  readonly objective: Objective;
  readonly peakLearningRate: number;
  readonly seed: number;
  readonly batch: number;
  /** Windows of the stream that all levels learn from; the teacher reads each once. */
  readonly pool: number;
  readonly text: RecoveryText;
  /** Checkpoints and the teacher's words lie here; a later call with the same options goes on from them. */
  readonly workFolder: string;
}

export interface RecoveredTarget {
  readonly target: RecoveryTarget;
  readonly parameters: AdapterParameters;
  readonly heldOutLoss: number;
  readonly bestStep: number;
}

export interface RecoveryProgress {
  readonly target: string;
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  readonly heldOutLoss: number | null;
  /** Of all targets' steps, 0..1. */
  readonly fraction: number;
}

const LOOK_EVERY = 25;
const WARM_UP_STEPS = 10;

/**
 * Recovers levels one after the other, from the largest down: each starts from the adapter of the level above,
 * which is worth about as much as its own training (models are nested, and so is what they miss).
 */
export async function recoverTargets(
  options: RecoveryOptions,
  onProgress: (progress: RecoveryProgress) => void,
  signal?: AbortSignal,
): Promise<RecoveredTarget[]> {
  const { weights, adapter, text, batch, workFolder } = options;
  mkdirSync(workFolder, { recursive: true });
  const allSteps = options.targets.reduce((sum, target) => sum + target.steps, 0);
  const teacher = await Teacher.open(options);
  const { candidates } = teacher;
  try {
    const heldOut = await teacher.heldOut(batch);
    const recovered = new Map<Level, RecoveredTarget>();
    let before = startParameters(weights.config, adapter, options.seed);
    let stepsBefore = 0;
    let chain = '';
    for (const target of options.targets) {
      const recipe: RecoveryRecipe = {
        objective: options.objective,
        steps: target.steps,
        batch,
        candidates,
        peakLearningRate: options.peakLearningRate * (target.learningRateScale ?? 1),
        warmUpSteps: Math.min(WARM_UP_STEPS, Math.ceil(target.steps / 4)),
        lookEvery: LOOK_EVERY,
      };
      chain = runHash(
        chain,
        options.weightsIdentity,
        text.stream.sha256,
        adapter,
        recipe,
        target.layers,
        options.seed,
        options.pool,
      );
      const trainer = await LevelTrainer.open({
        weights,
        layers: target.layers,
        adapter,
        sharedRank: 0,
        batch,
        tokens: text.windowTokens,
        candidates,
        sampledTokens: null,
        name: target.name,
      });
      try {
        const outcome = await recoverLevel(
          {
            trainer,
            recipe,
            start: (target.from === 'itself' ? recovered.get(target.level)?.parameters : null) ?? before,
            places: shuffledPlaces(options.pool, `${options.seed}:${target.name}`).map(
              (place) => place + (target.firstWindow ?? 0),
            ),
            teacher,
            heldOut,
            checkpointPath: join(workFolder, `${target.name}.checkpoint`),
            identity: chain,
          },
          ({ step, loss, heldOutLoss }) =>
            onProgress({
              target: target.name,
              step,
              steps: target.steps,
              loss,
              heldOutLoss,
              fraction: (stepsBefore + step) / Math.max(1, allSteps),
            }),
          signal,
        );
        const earlier = recovered.get(target.level);
        // Held-out loss decides between rounds as it does between steps.
        if (earlier === undefined || outcome.heldOutLoss <= earlier.heldOutLoss)
          recovered.set(target.level, { target, ...outcome });
        before = outcome.parameters;
      } finally {
        await trainer.close();
      }
      stepsBefore += target.steps;
    }
    return [...recovered.values()];
  } finally {
    await teacher.close();
  }
}
