import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Level } from '../../core/level.ts';
import type { AdapterParameters, AdapterShape } from '../../core/recovery-adapter.ts';
import { ADAMW, adamWStep, learningRateAt } from '../training/adamw.ts';
import type { LayerShape } from '../training/layer-shape.ts';
import { LevelTrainer } from '../training/level-trainer.ts';
import type { TrainingWeights } from '../training/training-weights.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { JointState } from './joint-state.ts';
import { batchTargets, type Objective, type VocabularySampling } from './objective.ts';
import { randomOf, runHash, shuffledPlaces } from './run-identity.ts';
import { Teacher, type RecoveryText, type TaughtBatch } from './teacher.ts';

/** A level that learns together with the others. */
export interface JointLevel {
  readonly level: Level;
  readonly layers: readonly LayerShape[];
  /** The full level stays itself by `distill`, whatever the others learn from. */
  readonly objective: Objective;
  /** How much what it learns counts in the change that all share. */
  readonly weight: number;
  /** Parameters of its adapter to start from. */
  readonly start: AdapterParameters;
}

export interface JointRecoveryOptions {
  /** What the levels start from. */
  readonly weights: TrainingWeights;
  /** The full model as it came: the teacher. */
  readonly teacherWeights: TrainingWeights;
  /** Hash of the base weights, of the order of their units and of what was changed before. */
  readonly weightsIdentity: string;
  /** They take turns in this order. */
  readonly levels: readonly JointLevel[];
  readonly adapter: AdapterShape;
  /** Rank of the change that they share. */
  readonly sharedRank: number;
  readonly startShared: Float32Array;
  readonly objective: Objective;
  /** Of each level. */
  readonly steps: number;
  readonly peakLearningRate: number;
  readonly seed: number;
  /** Windows per step. */
  readonly batch: number;
  /** Windows of the stream that the levels learn from; the teacher reads each once. */
  readonly pool: number;
  /** Tokens of the vocabulary that a step's loss is taken over; null = all. */
  readonly sampledTokens: number | null;
  readonly text: RecoveryText;
  /** The checkpoint and the teacher's words lie here; a later call with the same options goes on from them. */
  readonly workFolder: string;
}

export interface JointlyRecovered {
  /** In the layout of `sharedLayout`. */
  readonly shared: Float32Array;
  readonly levels: readonly {
    readonly level: Level;
    readonly parameters: AdapterParameters;
    /** null where there is no text to judge by. */
    readonly heldOutLoss: number | null;
  }[];
}

export interface JointProgress {
  readonly step: number;
  readonly steps: number;
  readonly level: Level;
  readonly loss: number;
}

const WARM_UP_STEPS = 40;
const RATE_FLOOR = 0.05;
/** Steps between two checkpoints. */
const CHECKPOINT_EVERY = 50;

/**
 * Trains all levels on one change of the weights that they share, each with a small adapter of its own: in turns, a level
 * a step. Levels are nested, so what one needs mostly serves the others too, and every step counts for all of them; the
 * full level is among them, learning to stay as it was. (MatFormer, Devvrit et al. 2023, trains nested models jointly from
 * scratch; here a trained one is made nested.) Killed at any point and called again with the same options it goes on
 * from its last checkpoint and ends with the same parameters.
 */
export async function recoverJointly(
  options: JointRecoveryOptions,
  onProgress: (progress: JointProgress) => void,
  signal?: AbortSignal,
): Promise<JointlyRecovered> {
  const { weights, levels, batch, pool, seed, text, workFolder, sampledTokens } = options;
  mkdirSync(workFolder, { recursive: true });
  const teacher = await Teacher.open({ ...options, weights: options.teacherWeights });
  const trainers: LevelTrainer[] = [];
  try {
    for (const { level, layers } of levels)
      trainers.push(
        await LevelTrainer.open({
          ...options,
          layers,
          tokens: text.windowTokens,
          candidates: teacher.candidates,
          name: `jointly-${level}`,
        }),
      );
    const steps = options.steps * levels.length;
    const identity = identityOf(options);
    const path = join(workFolder, `jointly-${identity}.checkpoint`);
    const saved = readCheckpoint(path, identity);
    const state = JointState.start(options.startShared, levels);
    if (saved !== null) state.restore(saved);
    const sampling = (what: string): VocabularySampling | null =>
      sampledTokens === null
        ? null
        : { size: sampledTokens, vocabSize: weights.config.vocabSize, random: randomOf(`${seed}:${what}`) };
    let places = { epoch: -1, order: [] as readonly number[] };
    const placeAt = (index: number): number => {
      const epoch = Math.floor(index / pool);
      if (epoch !== places.epoch) places = { epoch, order: shuffledPlaces(pool, `${seed}:epoch ${epoch}`) };
      return places.order[index % pool] as number;
    };
    while (state.step < steps) {
      signal?.throwIfAborted();
      const { step } = state;
      const turn = step % levels.length;
      const { level, objective, weight } = levels[turn] as JointLevel;
      const windows = Array.from({ length: batch }, (_, i) => placeAt(step * batch + i));
      const taught = await teacher.batch(windows);
      const targets = batchTargets(
        taught.windows,
        taught.teacher,
        teacher.candidates,
        objective,
        sampling(`step ${step}`),
      );
      const own = state.levels[turn] as (typeof state.levels)[number];
      const { loss, gradient } = await (trainers[turn] as LevelTrainer).gradient(taught.windows, targets, {
        adapter: own.parameters,
        shared: state.shared.parameters,
      });
      if (!Number.isFinite(loss)) throw new Error(`step ${step}, level ${level}: the loss is ${loss}`);
      const rate = learningRateAt(step, {
        peak: options.peakLearningRate,
        warmUpSteps: Math.min(WARM_UP_STEPS, Math.ceil(steps / 4)),
        steps,
        floor: RATE_FLOOR,
      });
      const weighted = gradient.shared.map((value) => weight * value);
      adamWStep(state.shared.parameters, weighted, state.shared.optimizer, rate, {
        ...ADAMW,
        clipNorm: weight,
      });
      adamWStep(own.parameters, gradient.adapter, own.optimizer, rate, ADAMW);
      state.step++;
      if (state.step % CHECKPOINT_EVERY === 0 || state.step === steps)
        writeCheckpoint(path, identity, state.checkpoint());
      onProgress({ step: state.step, steps, level, loss });
    }
    const heldOut = await teacher.heldOut(batch);
    const judged: JointlyRecovered['levels'][number][] = [];
    for (const [i, { level, objective }] of levels.entries()) {
      signal?.throwIfAborted();
      const { parameters } = state.levels[i] as (typeof state.levels)[number];
      const trained = { adapter: parameters, shared: state.shared.parameters };
      const heldOutLoss = await meanLoss(
        trainers[i] as LevelTrainer,
        heldOut,
        ({ windows, teacher: said }) =>
          batchTargets(windows, said, teacher.candidates, objective, sampling('held out')),
        trained,
      );
      judged.push({ level, parameters, heldOutLoss });
    }
    return { shared: state.shared.parameters, levels: judged };
  } finally {
    for (const trainer of trainers) await trainer.close();
    await teacher.close();
  }
}

async function meanLoss(
  trainer: LevelTrainer,
  batches: readonly TaughtBatch[],
  targetsOf: (batch: TaughtBatch) => ReturnType<typeof batchTargets>,
  parameters: Parameters<LevelTrainer['loss']>[2],
): Promise<number | null> {
  if (batches.length === 0) return null;
  let sum = 0;
  for (const batch of batches) sum += await trainer.loss(batch.windows, targetsOf(batch), parameters);
  return sum / batches.length;
}

function identityOf(options: JointRecoveryOptions): string {
  const { weightsIdentity, adapter, sharedRank, steps, peakLearningRate, seed, batch, pool } = options;
  return runHash(
    { weightsIdentity, adapter, sharedRank, steps, peakLearningRate, seed, batch, pool },
    { text: options.text.stream.sha256, tokens: options.text.windowTokens, sampled: options.sampledTokens },
    options.levels.map(({ level, layers, objective, weight }) => ({ level, layers, objective, weight })),
  );
}
