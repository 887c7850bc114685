import { create } from 'zustand';
import type { RunRecord } from '../../core/run-record.ts';
import { EMPTY_VIEW, type LiveView } from '../live/live-view.ts';

interface ShownSlice {
  readonly mode: 'live' | 'paused' | 'past';
  /** What charts, table and figures show. */
  readonly view: LiveView;
  /** The recorded run on show; null unless `mode` is `past`. */
  readonly past: RunRecord | null;
  /** Right end of a following time axis, host clock, ms; null while there is nothing. */
  readonly nowMs: number | null;
  /** Id of the run being opened. */
  readonly opening: string | null;
}

/** The data on show: the live view as it grows, a frozen copy of it, or a recorded run. */
export const useShown = create<ShownSlice>()(() => ({
  mode: 'live',
  view: EMPTY_VIEW,
  past: null,
  nowMs: null,
  opening: null,
}));
