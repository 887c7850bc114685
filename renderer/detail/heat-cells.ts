import type { Decision, StrategyCell } from '../../core/strategy.ts';
import { isSameStrategy, overruledProposal } from '../format/decision.ts';
import { formatMs, formatRatio, UNKNOWN } from '../format/units.ts';

/** What colour shows: measured quality, or a predicted latency relative to its bound. */
export const HEAT_METRICS = ['quality', 'ttft', 'tpot'] as const;
export type HeatMetric = (typeof HEAT_METRICS)[number];

/** Colours from pale to deep, as `--heat-1` ... `--heat-7`. */
export const HEAT_STEPS = 7;
/** Upper ends of the first six colours for latency / bound: the same for every request, a step at the bound. */
export const RATIO_ENDS = [0.25, 0.5, 0.7, 0.85, 1, 1.5] as const;

export type Edge = 'top' | 'right' | 'bottom' | 'left';

export interface HeatCell {
  readonly cell: StrategyCell;
  /** As it stands in the cell. */
  readonly text: string;
  /** 1..{@link HEAT_STEPS}; null = nothing is known. */
  readonly step: number | null;
  readonly chosen: boolean;
  /** The TLM's proposal, where it was not taken. */
  readonly proposed: boolean;
  /** Sides at which the feasible region ends. */
  readonly edges: readonly Edge[];
}

export interface HeatRow {
  readonly promptLevel: number;
  readonly cells: readonly HeatCell[];
}

export interface HeatInput {
  readonly grid: readonly StrategyCell[];
  readonly decision: Decision;
  /** Time from arrival to the start of service, ms: the bound on TTFT contains it. */
  readonly waitedMs: number;
  readonly metric: HeatMetric;
}

/** The grid as it is drawn: prompt levels from the whole prompt down, levels from left to right. */
export function heatRows({ grid, decision, waitedMs, metric }: HeatInput): HeatRow[] {
  const promptLevels = [...new Set(grid.map(({ promptLevel }) => promptLevel))].sort((a, b) => b - a);
  const levels = [...new Set(grid.map(({ modelLevel }) => modelLevel))].sort((a, b) => a - b);
  const at = (row: number, column: number): StrategyCell | undefined =>
    grid.find(
      ({ promptLevel, modelLevel }) => promptLevel === promptLevels[row] && modelLevel === levels[column],
    );
  const valueOf = (cell: StrategyCell): number | null => cellValue(cell, metric, decision.limits, waitedMs);
  const values = grid.map(valueOf).filter((value): value is number => value !== null);
  const stepOf = stepper(values, metric, isBounded(decision.limits, metric));
  const proposal = overruledProposal(decision);
  return promptLevels.map((promptLevel, row) => ({
    promptLevel,
    cells: levels.flatMap((_, column): HeatCell[] => {
      const cell = at(row, column);
      if (cell === undefined) return [];
      const value = valueOf(cell);
      const ends = (other: StrategyCell | undefined): boolean => cell.feasible && other?.feasible !== true;
      const sides: readonly (readonly [Edge, StrategyCell | undefined])[] = [
        ['top', at(row - 1, column)],
        ['right', at(row, column + 1)],
        ['bottom', at(row + 1, column)],
        ['left', at(row, column - 1)],
      ];
      return [
        {
          cell,
          text: cellLabel(value, metric, isBounded(decision.limits, metric)),
          step: value === null ? null : stepOf(value),
          chosen: isSameStrategy(cell, decision.strategy),
          proposed: proposal !== null && isSameStrategy(cell, proposal),
          edges: sides.filter(([, other]) => ends(other)).map(([side]) => side),
        },
      ];
    }),
  }));
}

/** Ends of the colour scale in words, from pale to deep. */
export function heatEnds(input: HeatInput): readonly [string, string] {
  const { grid, decision, metric, waitedMs } = input;
  const bounded = isBounded(decision.limits, metric);
  if (metric !== 'quality' && bounded)
    return [`≤ ${formatRatio(RATIO_ENDS[0])}`, `> ${formatRatio(RATIO_ENDS.at(-1))}`];
  const values = grid.flatMap((cell) => cellValue(cell, metric, decision.limits, waitedMs) ?? []);
  if (values.length === 0) return [UNKNOWN, UNKNOWN];
  const write = metric === 'quality' ? formatRatio : formatMs;
  return [write(Math.min(...values)), write(Math.max(...values))];
}

/** Whether the SLO bounds the latency that colour shows; quality has no bound. */
function isBounded(limits: Decision['limits'], metric: HeatMetric): boolean {
  return metric !== 'quality' && typeof (metric === 'ttft' ? limits?.ttftMs : limits?.tpotMs) === 'number';
}

/** Quality 0..1; latency over its bound, or ms where it has none. */
function cellValue(
  cell: StrategyCell,
  metric: HeatMetric,
  limits: Decision['limits'],
  waitedMs: number,
): number | null {
  if (metric === 'quality') return cell.quality;
  const ms = metric === 'ttft' ? cell.ttftMs + waitedMs : cell.tpotMs;
  const limit = metric === 'ttft' ? limits?.ttftMs : limits?.tpotMs;
  return ms / (limit ?? 1);
}

function cellLabel(value: number | null, metric: HeatMetric, bounded: boolean): string {
  if (value === null) return UNKNOWN;
  if (metric === 'quality') return value.toFixed(2).replace(/^0/, '');
  if (bounded) return value >= 10 ? value.toFixed(0) : value.toFixed(value >= 1 ? 1 : 2).replace(/^0/, '');
  return value >= 10 ? value.toFixed(0) : value.toFixed(1);
}

function stepper(values: readonly number[], metric: HeatMetric, bounded: boolean): (value: number) => number {
  if (metric !== 'quality' && bounded)
    return (value) => {
      const step = RATIO_ENDS.findIndex((end) => value <= end);
      return step < 0 ? HEAT_STEPS : step + 1;
    };
  const low = Math.min(...values);
  const span = Math.max(...values) - low;
  return (value) =>
    span === 0
      ? Math.ceil(HEAT_STEPS / 2)
      : Math.min(HEAT_STEPS, 1 + Math.floor(((value - low) / span) * HEAT_STEPS));
}
