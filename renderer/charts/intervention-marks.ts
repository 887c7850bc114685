import uPlot from 'uplot';
import { INTERVENTIONS, type Intervention } from '../format/intervention.ts';
import type { RequestRow } from '../live/request-row.ts';
import type { TimeRange } from '../live/filter.ts';
import type { LevelSwitch } from '../live/live-view.ts';
import { lowerBoundBy } from '../live/time-series.ts';
import type { ChartFrame } from './frame.ts';
import type { Palette } from './palette.ts';

/** Edge of a mark, CSS pixels; its path is drawn in a square of 10 units. */
const SIZE_PX = 9;
const UNITS = 10;

export interface InterventionPoint {
  readonly atMs: number;
  readonly kind: Intervention;
}

/** Interventions within a range: decisions at their request's arrival, lowerings when they happened. */
export function interventionPoints(
  rows: readonly RequestRow[],
  switches: readonly LevelSwitch[],
  { fromMs, toMs }: TimeRange,
): InterventionPoint[] {
  const points: InterventionPoint[] = [];
  const first = lowerBoundBy(rows.length, (index) => rows[index]?.atMs ?? Infinity, fromMs);
  for (let i = first; i < rows.length; i += 1) {
    const row = rows[i];
    if (row === undefined || row.atMs > toMs) break;
    const by = row.decision?.decidedBy;
    if (by === 'guard' || by === 'nothing-feasible') points.push({ atMs: row.atMs, kind: by });
  }
  for (const { atMs, reason } of switches)
    if (reason === 'tpot-drift' && atMs >= fromMs && atMs <= toMs) points.push({ atMs, kind: 'lowered' });
  return points;
}

/** Marks in the shapes that the request table has, at the upper edge of the plot. */
export function paintInterventions(
  u: uPlot,
  ctx: CanvasRenderingContext2D,
  frame: ChartFrame,
  palette: Palette,
): void {
  const color: Readonly<Record<Intervention, string>> = {
    guard: palette.accent,
    'nothing-feasible': palette.error,
    lowered: palette.warning,
  };
  const scale = (SIZE_PX / UNITS) * uPlot.pxRatio;
  for (const { atMs, kind } of interventionPoints(frame.rows, frame.view.switches, frame.range)) {
    ctx.save();
    ctx.translate(u.valToPos(atMs, 'x', true) - (UNITS / 2) * scale, u.bbox.top + uPlot.pxRatio);
    ctx.scale(scale, scale);
    // A ground of its own, so that the ticks behind it do not blur it.
    ctx.fillStyle = palette.surface;
    ctx.fillRect(-0.5, -0.5, UNITS + 1, UNITS + 1);
    ctx.strokeStyle = color[kind];
    ctx.lineWidth = 1.6;
    ctx.stroke(new Path2D(INTERVENTIONS[kind].path));
    ctx.restore();
  }
}
