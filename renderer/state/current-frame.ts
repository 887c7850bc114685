import { visibleRange, rowsOfApp, type ChartFrame } from '../charts/frame.ts';
import type { RequestRow } from '../live/request-row.ts';
import { rowsIn, type TimeRange } from '../live/filter.ts';
import { useShown } from './shown-store.ts';
import { useView } from './view-store.ts';

/** What the charts draw now. */
export function currentFrame(): ChartFrame {
  const { view, nowMs, mode } = useShown.getState();
  const { windowS, zoom, selection, unit, app, hoveredId } = useView.getState();
  return {
    view,
    rows: rowsOfApp(view.rows, app),
    range: visibleRange({ view, nowMs, windowS, zoom, past: mode === 'past' }),
    selection,
    unit,
    hoveredId,
  };
}

/** Requests that figures and table are about: those of the selection, else all of the run on show. */
export function rowsInScope(rows: readonly RequestRow[], selection: TimeRange | null): readonly RequestRow[] {
  return selection === null ? rows : rowsIn(rows, selection);
}

/** Length of what figures are about, ms. */
export function scopeMs(
  view: { readonly startMs: number | null; readonly endMs: number | null },
  selection: TimeRange | null,
): number {
  if (selection !== null) return selection.toMs - selection.fromMs;
  return view.startMs === null || view.endMs === null ? 0 : view.endMs - view.startMs;
}
