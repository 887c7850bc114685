import type { StrategyQuality } from '../../../core/strategy-quality.ts';
import { LABEL_GRID, meanTable } from '../strategies/strategy-table.ts';
import { probabilityTable, type LabelledRequest } from './labelled-request.ts';
import { neverFalling } from './never-falling.ts';

/**
 * What strategies are worth on the mean of labelled requests, each set counting alike; never less at a higher
 * level, so that the guard of two feasible levels never takes the lower one for noise.
 */
export function strategyQuality(labelled: readonly LabelledRequest[]): StrategyQuality {
  const sets = [...new Set(labelled.map(({ request }) => request.set))];
  const means = sets.map((set) =>
    meanTable(labelled.filter(({ request }) => request.set === set).map(probabilityTable)),
  );
  return {
    values: meanTable(means).map((row) =>
      neverFalling(row).map((value) => Math.min(1, Math.round(value * 1e4) / 1e4)),
    ),
    requests: labelled.length,
    text: `mean probability of the right choice, ${labelled.length} few-shot requests of ${sets.join(', ')}, measured at ${LABEL_GRID.promptLevels.length} x ${LABEL_GRID.levels.length} strategies, interpolated and made to never fall with the level`,
  };
}
