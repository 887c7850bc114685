import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { FULL_LEVEL, type Level } from '../../core/level.ts';
import { ok, type Result } from '../../core/result.ts';
import type { OnFraction, Recovered, RecoverStage, RecoverStageOptions } from '../pipeline/stages.ts';
import { shapeAt } from '../training/layer-shape.ts';
import { TrainingWeights } from '../training/training-weights.ts';
import { recoverOnSharedWeights } from './recover-shared.ts';
import { recoverTargets, type RecoveryTarget } from './recover.ts';
import { openRecoveryText } from './recovery-text.ts';
import { orderedModelHash } from './run-identity.ts';

const BATCH = 2;
/** Windows that all levels learn from: 128,000 tokens. */
const POOL = 500;
/** Peak of the learning rate; 2e-3 is slower, 1.5e-2 no better (docs/decisions/0056-recovery.md). */
const PEAK_LEARNING_RATE = 1e-2;

/** Small levels miss more: they take more steps, and each costs less. */
export function stepsOfLevel(level: Level, steps: number): number {
  return Math.max(1, Math.round(steps * (0.6 + (90 - level) / 60)));
}

/** Steps of the second round, of the first one's unit: for levels that are used most and end nearest to full. */
const SECOND_ROUND: Readonly<Partial<Record<Level, number>>> = {
  90: 0.3,
  80: 1.2,
  70: 0.6,
  60: 1.4,
  50: 0.4,
  40: 0.4,
};

/** Of the first round's peak learning rate. */
const SECOND_ROUND_RATE = 0.6;
/** Its windows are mostly new ones. */
const SECOND_ROUND_FROM = 300;

/**
 * Levels below the full one, largest first, each from the level above; then those of {@link SECOND_ROUND} again, each
 * from itself.
 */
export function recoveryTargets({
  plan,
  model,
  steps,
}: Pick<RecoverStageOptions, 'plan' | 'model' | 'steps'>): RecoveryTarget[] {
  const levels = plan.levels.filter(({ level }) => level < FULL_LEVEL).sort((a, b) => b.level - a.level);
  const first = levels.map(({ level, prefix }) => ({
    name: `level-${level}`,
    level,
    layers: shapeAt(plan, model.config, prefix),
    steps: stepsOfLevel(level, steps),
  }));
  const second = first.flatMap((target): RecoveryTarget[] => {
    const share = SECOND_ROUND[target.level];
    if (share === undefined) return [];
    return [
      {
        ...target,
        name: `${target.name}-again`,
        steps: Math.max(1, Math.round(share * steps)),
        from: 'itself',
        learningRateScale: SECOND_ROUND_RATE,
        firstWindow: SECOND_ROUND_FROM,
      },
    ];
  });
  return [...first, ...second];
}

/** Trains adapters for sub-models of one model on frozen weights. Failures: those of the data sets. */
export async function recoverShapes(
  options: Omit<RecoverStageOptions, 'plan' | 'steps' | 'sharedRank'>,
  targets: readonly RecoveryTarget[],
  onFraction: OnFraction,
  signal: AbortSignal | undefined,
): Promise<Result<Recovered>> {
  const { model, orders, shape, method, seed, workFolder, device } = options;
  const opened = openRecoveryText(options);
  if (!opened.ok) return opened;
  const { text, files } = opened.value;
  mkdirSync(workFolder, { recursive: true });
  const onLayer = (fraction: number): void => {
    signal?.throwIfAborted();
    onFraction(0.01 * fraction);
  };
  const weights = TrainingWeights.write(model, orders, join(workFolder, 'training'), onLayer, device);
  try {
    const recovered = await recoverTargets(
      {
        weights,
        weightsIdentity: orderedModelHash(model, orders),
        targets,
        adapter: shape,
        objective: method,
        peakLearningRate: PEAK_LEARNING_RATE,
        seed,
        batch: BATCH,
        pool: POOL,
        text,
        workFolder,
      },
      ({ fraction }) => onFraction(0.01 + 0.99 * fraction),
      signal,
    );
    return ok({
      method: `${method}, one adapter per level, each started from the level above, the upper ones then trained further; ${text.windowTokens} x ${BATCH} tokens a step`,
      data: [...files],
      levels: recovered.map(({ target: { level }, parameters, heldOutLoss }) => {
        const steps = targets.reduce((sum, target) => sum + (target.level === level ? target.steps : 0), 0);
        const judged = text.heldOut.length >= BATCH ? heldOutLoss : null;
        return {
          level,
          parameters,
          heldOutLoss: judged,
          steps,
          tokens: steps * BATCH * text.windowTokens,
        };
      }),
      shared: null,
    });
  } finally {
    weights.remove();
  }
}

/** Trains the adapters of all levels below the full one on frozen weights, or all levels jointly on shared ones. */
export const recoverStage: RecoverStage = (options, onFraction, signal) => {
  const { sharedRank, plan, model, method } = options;
  if (sharedRank === null) return recoverShapes(options, recoveryTargets(options), onFraction, signal);
  const levels = plan.levels.map(({ level, prefix }) => ({
    level,
    layers: shapeAt(plan, model.config, prefix),
    objective: level === FULL_LEVEL ? 'distill' : method,
  }));
  return recoverOnSharedWeights({ ...options, sharedRank, levels }, onFraction, signal);
};
