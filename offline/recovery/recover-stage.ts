import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Level } from '../../core/level.ts';
import { ok, type Result } from '../../core/result.ts';
import { selectionWindows } from '../datasets/measuring-windows.ts';
import { recoveryStream } from '../datasets/recovery-stream.ts';
import type { OnFraction, Recovered, RecoverStage, RecoverStageOptions } from '../pipeline/stages.ts';
import { shapeAt } from '../training/layer-shape.ts';
import { TrainingWeights } from '../training/training-weights.ts';
import { recoverTargets, type RecoveryTarget } from './recover.ts';

/** Tokens of a training window. */
const WINDOW_TOKENS = 256;
const BATCH = 2;
/** Windows that all levels learn from: 128,000 tokens. */
const POOL = 500;
const HELD_OUT_PER_DOMAIN = 2;
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
  const levels = plan.levels.filter(({ level }) => level < 100).sort((a, b) => b.level - a.level);
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

/** Trains adapters for sub-models of one model over the stage's text. Failures: those of the data sets. */
export async function recoverShapes(
  options: Omit<RecoverStageOptions, 'plan' | 'steps'>,
  targets: readonly RecoveryTarget[],
  onFraction: OnFraction,
  signal: AbortSignal | undefined,
): Promise<Result<Recovered>> {
  const { model, orders, shape, method, seed, dataFolder, workFolder } = options;
  const windowTokens = Math.min(WINDOW_TOKENS, model.config.contextLength);
  const stream = recoveryStream(model.tokenizer, dataFolder, { windowTokens, seed });
  if (!stream.ok) return stream;
  const selection = selectionWindows(model.tokenizer, dataFolder, {
    windowTokens,
    windowsPerDomain: HELD_OUT_PER_DOMAIN,
  });
  if (!selection.ok) return selection;
  const heldOut = selection.value.flatMap(({ windows }) => windows);
  mkdirSync(workFolder, { recursive: true });
  const weights = TrainingWeights.write(model, orders, join(workFolder, 'training'), (fraction) => {
    signal?.throwIfAborted();
    onFraction(0.01 * fraction);
  });
  try {
    const recovered = await recoverTargets(
      {
        weights,
        weightsIdentity: createHash('sha256')
          .update(model.sha256)
          .update(JSON.stringify(orders))
          .digest('hex'),
        targets,
        adapter: shape,
        objective: method,
        peakLearningRate: PEAK_LEARNING_RATE,
        seed,
        batch: BATCH,
        windowTokens,
        pool: POOL,
        stream: stream.value,
        heldOut,
        workFolder,
      },
      ({ fraction }) => onFraction(0.01 + 0.99 * fraction),
      signal,
    );
    return ok({
      method: `${method}, one adapter per level, each started from the level above, the upper ones then trained further; ${windowTokens} x ${BATCH} tokens a step`,
      data: [...stream.value.files],
      levels: recovered.map(({ target: { level }, parameters, heldOutLoss }) => {
        const steps = targets.reduce((sum, target) => sum + (target.level === level ? target.steps : 0), 0);
        const judged = heldOut.length >= BATCH ? heldOutLoss : null;
        return { level, parameters, heldOutLoss: judged, steps, tokens: steps * BATCH * windowTokens };
      }),
    });
  } finally {
    weights.remove();
  }
}

/** Trains the adapters of all levels below the full one (see {@link recoverTargets}). */
export const recoverStage: RecoverStage = (options, onFraction, signal) =>
  recoverShapes(options, recoveryTargets(options), onFraction, signal);
