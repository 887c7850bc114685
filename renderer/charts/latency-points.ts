import type { AppId } from '../../core/app.ts';
import type { RequestRow } from '../live/request-row.ts';
import type { TimeRange } from '../live/filter.ts';
import { lowerBoundBy } from '../live/time-series.ts';
import type { LatencyUnit } from '../state/view-store.ts';

export type LatencyMetric = 'ttft' | 'tpot';

/** How a mark is drawn: `open` = no verdict (yet), `failed` = no measure at all. */
export type MarkShape = 'hit' | 'miss' | 'open' | 'failed';

export interface LatencyPoint {
  readonly row: RequestRow;
  readonly atMs: number;
  /** Measured / SLO, or ms; as `unit` says. */
  readonly y: number;
  /** The SLO's place on the same axis; null without one. */
  readonly limit: number | null;
  readonly shape: MarkShape;
  readonly color: AppId | 'client';
}

/** Ratios above this are drawn at the upper edge: one request stuck in the queue must not flatten the rest. */
export const RATIO_CEILING = 2.5;

function measured(row: RequestRow, metric: LatencyMetric): number | null {
  return metric === 'ttft' ? row.ttftMs : row.tpotMs;
}

function limitMs(row: RequestRow, metric: LatencyMetric): number | null {
  const limits = row.decision?.limits ?? null;
  return metric === 'ttft' ? (limits?.ttftMs ?? null) : (limits?.tpotMs ?? null);
}

function firstNotBefore(rows: readonly RequestRow[], atMs: number): number {
  return lowerBoundBy(rows.length, (index) => rows[index]?.atMs ?? Infinity, atMs);
}

/** Requests that arrived within a range, and so have a mark in it. */
function rowsWithin(rows: readonly RequestRow[], { fromMs, toMs }: TimeRange): readonly RequestRow[] {
  return rows.slice(firstNotBefore(rows, fromMs), firstNotBefore(rows, toMs + 1));
}

/** The marks of a latency chart. A ratio needs an SLO; a request without one has no mark there. */
export function latencyPoints(
  rows: readonly RequestRow[],
  range: TimeRange,
  metric: LatencyMetric,
  unit: LatencyUnit,
): LatencyPoint[] {
  return rowsWithin(rows, range).flatMap((row): LatencyPoint[] => {
    const value = measured(row, metric);
    const limit = limitMs(row, metric);
    const base = { row, atMs: row.atMs, color: row.app ?? ('client' as const) };
    if (row.state === 'failed') return [{ ...base, y: 0, limit: null, shape: 'failed' }];
    if (value === null) return [];
    const met = row.report?.sloHit[metric] ?? null;
    const shape = row.hit === null || met === null ? 'open' : met ? 'hit' : 'miss';
    if (unit === 'ms') return [{ ...base, y: value, limit, shape }];
    return limit === null || limit <= 0 ? [] : [{ ...base, y: value / limit, limit: 1, shape }];
  });
}

/** Upper end of the y axis that shows all points, ratios at most up to {@link RATIO_CEILING}. */
export function latencyCeiling(points: readonly LatencyPoint[], unit: LatencyUnit): number {
  const highest = points.reduce((max, { y, limit }) => Math.max(max, y, limit ?? 0), 0);
  if (unit === 'ratio') return Math.min(RATIO_CEILING, Math.max(1.5, highest * 1.1));
  return highest === 0 ? 100 : highest * 1.1;
}

export interface PlacedPoint {
  readonly x: number;
  readonly y: number;
}

/** The point nearest to the pointer, at most `reach` pixels away. */
export function nearestPoint(
  points: readonly LatencyPoint[],
  pointer: PlacedPoint,
  place: (point: LatencyPoint) => PlacedPoint,
  reach: number,
): LatencyPoint | null {
  let best: LatencyPoint | null = null;
  let bestDistance = reach;
  for (const point of points) {
    const { x, y } = place(point);
    const distance = Math.hypot(x - pointer.x, y - pointer.y);
    if (distance <= bestDistance) {
      best = point;
      bestDistance = distance;
    }
  }
  return best;
}
