import type { Level } from '../../core/level.ts';
import type { RequestRow } from './request-row.ts';
import type { SeriesView } from './time-series.ts';

/** A level switch as the agent reported it. */
export interface LevelSwitch {
  readonly atMs: number;
  readonly from: Level;
  readonly to: Level;
  /** Time that the switch itself took, ms. */
  readonly switchMs: number;
  readonly requestId: string | null;
  /** `tpot-drift`: the guard's, inside of a request. */
  readonly reason: 'strategy' | 'tpot-drift';
}

export interface Note {
  readonly atMs: number;
  readonly severity: 'info' | 'warning' | 'error';
  readonly text: string;
}

export const SERIES_NAMES = ['level', 'promptLevel', 'queue', 'temperatureC', 'memoryBytes'] as const;
export type SeriesName = (typeof SERIES_NAMES)[number];

/** Everything that charts, table and figures draw from, at one moment; never changes. */
export interface LiveView {
  /** Oldest first. */
  readonly rows: readonly RequestRow[];
  readonly series: Readonly<Record<SeriesName, SeriesView>>;
  readonly switches: readonly LevelSwitch[];
  readonly notes: readonly Note[];
  /** Start of the run shown, else the first event; host clock, ms since the epoch; null while empty. */
  readonly startMs: number | null;
  /** Last event; null while empty. */
  readonly endMs: number | null;
  /** Events taken in. */
  readonly events: number;
}

const NO_SAMPLES: SeriesView = { times: new Float64Array(0), values: new Float64Array(0) };

export const EMPTY_VIEW: LiveView = {
  rows: [],
  series: {
    level: NO_SAMPLES,
    promptLevel: NO_SAMPLES,
    queue: NO_SAMPLES,
    temperatureC: NO_SAMPLES,
    memoryBytes: NO_SAMPLES,
  },
  switches: [],
  notes: [],
  startMs: null,
  endMs: null,
  events: 0,
};
