import type { ModelConfig } from '../../core/model-config.ts';
import { segmentsOnAt } from '../../core/elastic-graph.ts';
import type { LevelPlan } from '../levels/level-plan.ts';

/** What a layer keeps: prefixes of its reordered units; 0 = the block is absent. */
export interface LayerShape {
  readonly kvGroups: number;
  readonly neurons: number;
}

/** A layer's products; units are rows of all of them, `o` and `down` stored input-major. */
export const UNIT_MATRICES = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'] as const;
export type UnitMatrix = (typeof UNIT_MATRICES)[number];
/** Biases of the products that may have one, a value per row. */
export type UnitBias = 'qBias' | 'kBias' | 'vBias';

/** Rows of a matrix (or values of a bias) that a shape keeps: the channels of its units. */
export function unitRows(
  { heads, kvHeads, headDim }: Pick<ModelConfig, 'heads' | 'kvHeads' | 'headDim'>,
  matrix: UnitMatrix | UnitBias,
  { kvGroups, neurons }: LayerShape,
): number {
  switch (matrix) {
    case 'q':
    case 'qBias':
    case 'o':
      return (kvGroups * heads * headDim) / kvHeads;
    case 'k':
    case 'kBias':
    case 'v':
    case 'vBias':
      return kvGroups * headDim;
    case 'gate':
    case 'up':
    case 'down':
      return neurons;
  }
}

/** Every layer whole. */
export function fullShape(config: ModelConfig): LayerShape[] {
  return Array.from({ length: config.layers }, () => ({
    kvGroups: config.kvHeads,
    neurons: config.ffnSize,
  }));
}

/** What the layers keep when the first `prefix` segments of a plan's ranking are on. */
export function shapeAt(plan: LevelPlan, config: ModelConfig, prefix: number): LayerShape[] {
  const on = segmentsOnAt(plan, prefix);
  return Array.from({ length: config.layers }, (_, layer) => {
    const kept = { attention: 0, mlp: 0 };
    for (const [index, segment] of plan.segments.entries())
      if (segment.layer === layer && on[index] === true) {
        if (segment.unitStart > kept[segment.kind])
          throw new RangeError(`layer ${layer}: the ${segment.kind} units that are on are no prefix`);
        kept[segment.kind] = Math.max(kept[segment.kind], segment.unitStart + segment.units);
      }
    return { kvGroups: kept.attention, neurons: kept.mlp };
  });
}
