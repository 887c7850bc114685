import type { AppId } from '../../core/app.ts';
import type { LiveView } from '../live/live-view.ts';
import type { RequestRow } from '../live/request-row.ts';
import type { TimeRange } from '../live/filter.ts';
import type { LatencyUnit } from '../state/view-store.ts';

/** All that the charts of one moment draw from. */
export interface ChartFrame {
  readonly view: LiveView;
  /** Requests on show, oldest first. */
  readonly rows: readonly RequestRow[];
  readonly range: TimeRange;
  readonly selection: TimeRange | null;
  readonly unit: LatencyUnit;
  readonly hoveredId: string | null;
}

interface RangeInput {
  readonly view: Pick<LiveView, 'startMs' | 'endMs'>;
  readonly nowMs: number | null;
  readonly windowS: number;
  readonly zoom: TimeRange | null;
  readonly past: boolean;
}

/**
 * The part of the time axis on show. A young run fills the window from the left, then the window follows
 * its end; a recorded run is shown whole.
 */
export function visibleRange({ view, nowMs, windowS, zoom, past }: RangeInput): TimeRange {
  if (zoom !== null) return zoom;
  const windowMs = windowS * 1000;
  const startMs = view.startMs ?? 0;
  const endMs = nowMs ?? view.endMs ?? startMs;
  if (past) {
    const marginMs = Math.max(200, (endMs - startMs) * 0.01);
    return { fromMs: startMs - marginMs, toMs: endMs + marginMs };
  }
  return endMs - startMs < windowMs
    ? { fromMs: startMs, toMs: startMs + windowMs }
    : { fromMs: endMs - windowMs, toMs: endMs };
}

/** Requests of one app, or all. */
export function rowsOfApp(rows: readonly RequestRow[], app: AppId | null): readonly RequestRow[] {
  return app === null ? rows : rows.filter((row) => row.app === app);
}
