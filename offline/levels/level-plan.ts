import type { BundleLevel, Segment } from '../../core/bundle-manifest.ts';
import { LEVELS, type Level } from '../../core/level.ts';
import { decoderParams, paramsPerMlpNeuron, totalParams, type ModelConfig } from '../../core/model-config.ts';
import { attentionCell } from './attention-cells.ts';
import { cutToSize } from './cut-to-size.ts';

/** Which units switch together and when: what the graph gates and the manifest tells. */
export interface LevelPlan {
  readonly segments: Segment[];
  /** Indices into `segments`, most important first. */
  readonly ranking: number[];
  readonly alwaysOn: number;
  readonly levels: BundleLevel[];
}

/** How far a level's decoder parameters may be from what its name says, as a share of the whole decoder. */
export const LEVEL_TOLERANCE = 0.005;

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

/** Parameters of all cells. */
export const paramsOf = (cells: readonly Segment[]): number =>
  cells.reduce((sum, { params }) => sum + params, 0);

/**
 * Cuts a ranking of cells (segments before merging, most important first; within a layer and kind in the
 * order of their units) into nested levels. Each level keeps the prefix whose decoder parameters come nearest to
 * it; where that misses by more than `tolerance` (a share of the decoder; Infinity keeps every cell whole), MLP
 * cells are cut to size. Cells of a layer and kind that switch at the same level become one segment: they
 * never differ, and every kernel less is time won (runtime.md §11).
 */
export function planLevels(
  config: ModelConfig,
  rankedCells: readonly Segment[],
  levels: readonly Level[] = LEVELS,
  tolerance = LEVEL_TOLERANCE,
): LevelPlan {
  const whole = decoderParams(config);
  if (paramsOf(rankedCells) !== whole) throw new RangeError('cells do not cover the decoder');

  const merged: Segment[][] = [];
  let kept = 0;
  let rest: readonly Segment[] = rankedCells;
  for (const level of levels) {
    const wanted = (level / 100) * whole - kept;
    const count = nearestPrefix(rest, wanted, merged.length === 0 ? 1 : 0);
    const uncut = [rest.slice(0, count), rest.slice(count)] as const;
    const missOf = (cells: readonly Segment[]): number => Math.abs(paramsOf(cells) - wanted);
    const cut =
      missOf(uncut[0]) <= tolerance * whole ? uncut : cutToSize(config, rest, wanted, tolerance * whole);
    // Where MLPs are too small to make up for attention that waits, whole cells come nearer.
    const [taken, left] = missOf(cut[0]) < missOf(uncut[0]) ? cut : uncut;
    merged.push(mergeCells(taken));
    kept += paramsOf(taken);
    rest = left;
  }

  const byPlace = (a: Segment, b: Segment): number =>
    a.layer - b.layer || a.kind.localeCompare(b.kind) || a.unitStart - b.unitStart;
  const segments = merged.flat().sort(byPlace);
  const ranking = merged.flatMap((group) => group.map((segment) => segments.indexOf(segment)));
  let prefix = 0;
  let params = 0;
  const plannedLevels = merged.map((group, i) => {
    prefix += group.length;
    params += paramsOf(group);
    return levelOf(config, levels[i] as Level, prefix, params);
  });
  return { segments, ranking, alwaysOn: merged[0]?.length ?? 0, levels: plannedLevels };
}

/** How many cells from the front come nearest to `wanted` parameters. */
function nearestPrefix(cells: readonly Segment[], wanted: number, atLeast: number): number {
  let count = 0;
  let kept = 0;
  for (const { params } of cells) {
    if (count >= atLeast && Math.abs(kept + params - wanted) > Math.abs(kept - wanted)) break;
    kept += params;
    count++;
  }
  return count;
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

/** A layer's MLP cut at the given neurons (first 0, last ffnSize). */
export function mlpCells(config: ModelConfig, layer: number, cuts: readonly number[]): Segment[] {
  return cuts.slice(1).map((end, i) => {
    const unitStart = cuts[i] as number;
    const units = end - unitStart;
    return { layer, kind: 'mlp', unitStart, units, params: units * paramsPerMlpNeuron(config) };
  });
}
