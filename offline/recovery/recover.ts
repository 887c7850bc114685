import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Level } from '../../core/level.ts';
import { seededRandom } from '../../core/random.ts';
import type { AdapterParameters, AdapterShape } from '../../core/recovery-adapter.ts';
import { AdapterTrainer } from '../training/adapter-trainer.ts';
import { ForwardModel } from '../training/forward-model.ts';
import { fullShape, type LayerShape } from '../training/layer-shape.ts';
import type { TrainingWeights } from '../training/training-weights.ts';
import type { LabelledWindow, Objective } from './objective.ts';
import { recoverLevel, type RecoveryRecipe } from './recover-level.ts';
import { startParameters } from './start-parameters.ts';
import { askTeacher, TeacherCache, type TeacherWindow } from './teacher-cache.ts';

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
  readonly windowTokens: number;
  /** Windows of the stream that all levels learn from; the teacher reads each once. */
  readonly pool: number;
  readonly stream: { readonly sha256: string; readonly window: (index: number) => LabelledWindow };
  /** Windows that decide which parameters are best; not of the stream, not of any evaluation. */
  readonly heldOut: readonly LabelledWindow[];
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

/** Teacher tokens per position: more changes the loss by less than 1 % (the rest counts as one class). */
const CANDIDATES = 32;
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
  const { weights, adapter, stream, windowTokens, batch, workFolder } = options;
  mkdirSync(workFolder, { recursive: true });
  const candidates = options.objective === 'next-token' ? 0 : CANDIDATES;
  const allSteps = options.targets.reduce((sum, target) => sum + target.steps, 0);
  const teacherModel =
    candidates === 0
      ? null
      : await ForwardModel.open({
          weights,
          layers: fullShape(weights.config),
          adapter: null,
          tokens: windowTokens,
          name: 'teacher',
        });
  const cacheName = hash(options.weightsIdentity, stream.sha256, windowTokens, candidates, options.seed);
  const teacher =
    teacherModel === null
      ? null
      : new TeacherCache(
          teacherModel,
          join(workFolder, `teacher-${cacheName}.bin`),
          windowTokens,
          candidates,
        );
  try {
    const heldOut = await heldOutBatches(options, teacherModel, candidates);
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
      chain = hash(
        chain,
        options.weightsIdentity,
        stream.sha256,
        adapter,
        recipe,
        target.layers,
        options.seed,
        options.pool,
      );
      const trainer = await AdapterTrainer.open({
        weights,
        layers: target.layers,
        adapter,
        batch,
        tokens: windowTokens,
        candidates,
        name: target.name,
      });
      try {
        const outcome = await recoverLevel(
          {
            trainer,
            recipe,
            start: (target.from === 'itself' ? recovered.get(target.level)?.parameters : null) ?? before,
            window: stream.window,
            places: shuffled(options.pool, `${options.seed}:${target.name}`).map(
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
    teacher?.close();
    await teacherModel?.close();
  }
}

function hash(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

/** Places 0 ... count - 1 in an order that depends on the text. */
function shuffled(count: number, text: string): number[] {
  const random = seededRandom(createHash('sha256').update(text).digest().readUInt32LE(0));
  const places = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [places[i], places[j]] = [places[j] as number, places[i] as number];
  }
  return places;
}

async function heldOutBatches(
  { heldOut, batch }: RecoveryOptions,
  teacher: ForwardModel | null,
  candidates: number,
): Promise<{ windows: LabelledWindow[]; teacher: TeacherWindow[] | null }[]> {
  const batches: { windows: LabelledWindow[]; teacher: TeacherWindow[] | null }[] = [];
  for (let at = 0; at + batch <= heldOut.length; at += batch) {
    const windows = heldOut.slice(at, at + batch);
    const said: TeacherWindow[] = [];
    if (teacher !== null)
      for (const window of windows) said.push(await askTeacher(teacher, window, candidates));
    batches.push({ windows, teacher: teacher === null ? null : said });
  }
  return batches;
}
