import type { Segment } from '../../core/bundle-manifest.ts';
import type { ModelConfig } from '../../core/model-config.ts';
import { attentionCell } from './attention-cells.ts';
import { mlpCells, planLevels, type LevelPlan } from './level-plan.ts';

/**
 * The baseline that drops whole layers, least influential first (ShortGPT, 2403.03853): levels as near as whole
 * layers come.
 *
 * @param influence one value per layer, higher is more.
 */
export function planByLayers(config: ModelConfig, influence: readonly number[]): LevelPlan {
  const order = [...influence.keys()].sort(
    (a, b) => (influence[b] as number) - (influence[a] as number) || a - b,
  );
  const cells = order.flatMap((layer): Segment[] => [
    attentionCell(config, layer),
    ...mlpCells(config, layer, [0, config.ffnSize]),
  ]);
  return planLevels(config, cells, undefined, Infinity);
}
