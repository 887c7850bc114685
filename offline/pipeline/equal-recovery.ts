import type { Level } from '../../core/level.ts';
import type { TrainingBudget } from '../../core/quality-card.ts';
import { ok, type Result } from '../../core/result.ts';
import type { ComputeDevice } from '../graph/compute-device.ts';
import type { LevelPlan } from '../levels/level-plan.ts';
import type { Learned, LearnedRecovery } from '../recipe/loaded-recipe.ts';
import type { Objective } from '../recovery/objective.ts';
import { recoverOnSharedWeights } from '../recovery/recover-shared.ts';
import { recoverShapes } from '../recovery/recover-stage.ts';
import type { RecoveryTarget } from '../recovery/recover.ts';
import type { SourceModel } from '../sources/source-model.ts';
import { packRecovery } from './learn.ts';
import type { OnFraction, Recovered } from './stages.ts';

export interface EqualRecoveryOptions {
  readonly model: SourceModel;
  /** What the levels that are compared were made from. */
  readonly learned: Learned;
  readonly method: Objective;
  readonly dataFolder: string | null;
  readonly workFolder: string;
  readonly device: ComputeDevice;
}

/** A sub-model that is compared with a level. */
export type ComparedShape = RecoveryTarget & { readonly objective: Objective };

/** The recovery of levels that were trained. */
export function recoveryOf({ recovery }: Learned): LearnedRecovery {
  if (recovery === null) throw new RangeError('levels without recovery have no equal recovery');
  return recovery;
}

/** Steps that a level itself was trained for. */
export function stepsOf({ about }: LearnedRecovery, level: Level): number {
  return about.levels.find((entry) => entry.level === level)?.steps ?? 0;
}

/**
 * Trains other sub-models as the levels were: on frozen weights one after the other, or jointly on shared ones.
 * Failures: those of the data sets.
 *
 * @param plan the level plan that the shapes are of
 */
export async function recoverAlike(
  options: EqualRecoveryOptions,
  plan: LevelPlan,
  shapes: readonly ComparedShape[],
  onFraction: OnFraction,
  signal: AbortSignal | undefined,
): Promise<Result<{ learned: Learned; budget: (level: Level) => TrainingBudget | null }>> {
  const { learned } = options;
  const { about, shared } = recoveryOf(learned);
  const { sites, rank, bias, norms, seed } = about;
  const shape = { sites, rank, bias, norms };
  const training = { ...options, orders: learned.orders, shape, seed };
  const recovered: Result<Recovered> =
    shared === null
      ? await recoverShapes(training, shapes, onFraction, signal)
      : await recoverOnSharedWeights(
          {
            ...training,
            levels: shapes,
            sharedRank: shared.rank,
            steps: Math.max(...shapes.map(({ steps }) => steps)),
          },
          onFraction,
          signal,
        );
  if (!recovered.ok) return recovered;
  const { method, levels } = recovered.value;
  // On shared weights no level runs without what it learned.
  const trained =
    shared === null
      ? plan.levels
      : plan.levels.filter(({ level }) => shapes.some((own) => own.level === level));
  return ok({
    learned: {
      ...learned,
      plan: { ...plan, levels: trained },
      recovery: packRecovery(recovered.value, shape, seed),
    },
    budget: (level) => {
      const own = levels.find((entry) => entry.level === level);
      return own === undefined ? null : { method, steps: own.steps, tokens: own.tokens, seeds: [seed] };
    },
  });
}
