import { LEVELS, type Level } from '../../core/level.ts';
import type { ModelConfig } from '../../core/model-config.ts';
import { ok, type Result } from '../../core/result.ts';
import type { UnitImportance } from '../importance/unit-importance.ts';
import { planLevels, type LevelPlan } from './level-plan.ts';
import { DEFAULT_RANKING, rankCells, type RankingOptions } from './rank-cells.ts';
import { anchorLayers, keepRatio, PAPER_OPTIONS, rankPaper, type PaperOptions } from './rank-paper.ts';
import { PROPORTIONAL_OPTIONS, rankProportional, type ProportionalOptions } from './rank-proportional.ts';

/**
 * How a level's parameters are shared out over layers: `even` widths with anchors at the ends, widths
 * `proportional` to layer importance, or the `paper`'s anchors and one ratio for all other layers.
 */
export const LEVEL_POLICIES = ['even', 'proportional', 'paper'] as const;
export type LevelPolicy = (typeof LEVEL_POLICIES)[number];

/** A policy, with what is to differ from its defaults. */
export type LevelShapeOptions =
  | ({ readonly policy: 'even' } & Partial<RankingOptions>)
  | ({ readonly policy: 'proportional' } & Partial<ProportionalOptions>)
  | ({ readonly policy: 'paper' } & Partial<PaperOptions>);

/**
 * The levels of a model whose units are ordered by `importance`: nested, each within {@link LEVEL_TOLERANCE} of
 * its decoder ratio. Failure: `level-below-anchors` (policy `paper`).
 */
export function planByPolicy(
  config: ModelConfig,
  importance: UnitImportance,
  options: LevelShapeOptions,
  levels: readonly Level[] = LEVELS,
): Result<LevelPlan> {
  switch (options.policy) {
    case 'even':
      return ok(
        planLevels(config, rankCells(config, importance, { ...DEFAULT_RANKING, ...options }), levels),
      );
    case 'proportional': {
      const ranking = rankProportional(config, importance, { ...PROPORTIONAL_OPTIONS, ...options });
      return ok(planLevels(config, ranking, levels));
    }
    case 'paper': {
      const paper = { ...PAPER_OPTIONS, ...options };
      const anchors = anchorLayers(importance, paper.anchorShare).length;
      for (const level of levels) {
        const keep = keepRatio(level, config.layers, anchors);
        if (!keep.ok) return keep;
      }
      return ok(planLevels(config, rankPaper(config, importance, paper), levels));
    }
  }
}
