import type { BundleLevel, Segment } from '../../core/bundle-manifest.ts';
import { LEVELS, type Level } from '../../core/level.ts';
import { decoderParams, paramsPerKvGroup, totalParams, type ModelConfig } from '../../core/model-config.ts';

/** Which units switch together and when: what the graph gates and the manifest tells. */
export interface LevelPlan {
  readonly segments: Segment[];
  /** Indices into `segments`, most important first. */
  readonly ranking: number[];
  readonly alwaysOn: number;
  readonly levels: BundleLevel[];
}

function levelOf(config: ModelConfig, level: Level, prefix: number, keptParams: number): BundleLevel {
  const whole = decoderParams(config);
  const outside = totalParams(config) - whole;
  return {
    level,
    prefix,
    decoderRatio: keptParams / whole,
    totalRatio: (keptParams + outside) / totalParams(config),
  };
}

/**
 * Cuts a ranking of cells (segments before merging, most important first; within a layer and kind in the
 * order of their units) into levels: each level keeps the prefix whose decoder parameters come nearest to
 * it, so levels are nested and off by at most half a cell. Cells of a layer and kind that switch at the same
 * level become one segment: they never differ, and every kernel less is time won (runtime.md §11).
 */
export function planLevels(
  config: ModelConfig,
  rankedCells: readonly Segment[],
  levels: readonly Level[] = LEVELS,
): LevelPlan {
  const whole = decoderParams(config);
  const prefixParams = [0];
  for (const cell of rankedCells) prefixParams.push((prefixParams.at(-1) ?? 0) + cell.params);
  if (prefixParams.at(-1) !== whole) throw new RangeError('cells do not cover the decoder');

  const merged: Segment[][] = [];
  let from = 0;
  for (const level of levels) {
    const wanted = (level / 100) * whole;
    let to = Math.max(from, 1);
    while (
      to < rankedCells.length &&
      Math.abs((prefixParams[to + 1] ?? 0) - wanted) <= Math.abs((prefixParams[to] ?? 0) - wanted)
    )
      to++;
    merged.push(mergeCells(rankedCells.slice(from, to)));
    from = to;
  }

  const byPlace = (a: Segment, b: Segment): number =>
    a.layer - b.layer || a.kind.localeCompare(b.kind) || a.unitStart - b.unitStart;
  const segments = merged.flat().sort(byPlace);
  const ranking = merged.flatMap((group) => group.map((segment) => segments.indexOf(segment)));
  let prefix = 0;
  let kept = 0;
  const plannedLevels = merged.map((group, i) => {
    prefix += group.length;
    kept += group.reduce((sum, segment) => sum + segment.params, 0);
    return levelOf(config, levels[i] as Level, prefix, kept);
  });
  return { segments, ranking, alwaysOn: merged[0]?.length ?? 0, levels: plannedLevels };
}

function mergeCells(cells: readonly Segment[]): Segment[] {
  const groups = new Map<string, Segment>();
  for (const cell of cells) {
    const key = `${cell.layer} ${cell.kind}`;
    const before = groups.get(key);
    if (before === undefined) groups.set(key, { ...cell });
    else if (cell.unitStart !== before.unitStart + before.units)
      throw new RangeError(`cells of layer ${cell.layer} (${cell.kind}) are not ranked in order`);
    else
      groups.set(key, { ...before, units: before.units + cell.units, params: before.params + cell.params });
  }
  return [...groups.values()];
}

/** The uncut model: every layer one attention and one MLP segment, always on. */
export function planSingle(config: ModelConfig): LevelPlan {
  const cells = Array.from({ length: config.layers }, (_, layer) => [
    attentionCell(config, layer),
    ...mlpCells(config, layer, [0, config.ffnSize]),
  ]).flat();
  return planLevels(config, cells, [100]);
}

/** A layer's whole attention as one cell. */
export function attentionCell(config: ModelConfig, layer: number): Segment {
  const params = config.kvHeads * paramsPerKvGroup(config);
  return { layer, kind: 'attention', unitStart: 0, units: config.kvHeads, params };
}

/** A layer's MLP cut at the given neurons (first 0, last ffnSize). */
export function mlpCells(config: ModelConfig, layer: number, cuts: readonly number[]): Segment[] {
  return cuts.slice(1).map((end, i) => {
    const unitStart = cuts[i] as number;
    const units = end - unitStart;
    return { layer, kind: 'mlp', unitStart, units, params: units * 3 * config.hiddenSize };
  });
}
