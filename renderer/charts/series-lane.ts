import uPlot from 'uplot';
import type { SeriesName } from '../live/live-view.ts';
import { lowerBound } from '../live/time-series.ts';
import type { ChartFrame } from './frame.ts';
import type { Lane } from './lane.ts';

interface SeriesLaneOptions {
  readonly id: string;
  readonly name: SeriesName;
  /** Drawn as steps: the value holds until the next sample. */
  readonly steps: boolean;
  /** Axis from 0, or close around the samples (temperature: degrees above 0 mean nothing). */
  readonly fromZero: boolean;
  readonly leastSpan: number;
  readonly formatY: (value: number) => string;
}

/** A small multiple of one series, with its two ends as labels. */
export function seriesLane(options: SeriesLaneOptions): Lane {
  let low = 0;
  let high = options.leastSpan;
  let empty = true;
  return {
    id: options.id,
    data(frame) {
      const [times, values] = visibleColumns(frame, options.name, options.steps);
      const known = values.filter((value): value is number => value !== null);
      const lowest = known.reduce((a, b) => Math.min(a, b), Infinity);
      const highest = known.reduce((a, b) => Math.max(a, b), -Infinity);
      empty = known.length === 0;
      low = options.fromZero || empty ? 0 : Math.floor(lowest - 0.5);
      high = Math.max(
        low + options.leastSpan,
        empty ? 0 : options.fromZero ? highest : Math.ceil(highest + 0.5),
      );
      return [times, values];
    },
    yRange: () => [low, options.fromZero ? high * 1.1 : high],
    series: (palette) => {
      const stepped = options.steps ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
      return {
        scale: 'y',
        stroke: palette.accent,
        fill: palette.selection,
        width: 1.25,
        points: { show: false },
        spanGaps: false,
        ...(stepped === undefined ? {} : { paths: stepped }),
      };
    },
    formatY: (value) => (empty ? '' : options.formatY(value)),
    ySplits: () => [low, high],
  };
}

/** Samples on show, with the one before the range and, for steps, the last value held to its end. */
export function visibleColumns(
  { view, range }: Pick<ChartFrame, 'view' | 'range'>,
  name: SeriesName,
  steps: boolean,
): [number[], (number | null)[]] {
  const { times, values } = view.series[name];
  const from = Math.max(0, lowerBound(times, range.fromMs) - 1);
  const to = Math.min(times.length, lowerBound(times, range.toMs) + 1);
  const xs = [...times.subarray(from, to)];
  const ys = [...values.subarray(from, to)].map((value) => (Number.isNaN(value) ? null : value));
  const lastMs = xs.at(-1);
  const endMs = Math.min(range.toMs, view.endMs ?? range.toMs);
  if (steps && lastMs !== undefined && lastMs < endMs) {
    xs.push(endMs);
    ys.push(ys.at(-1) ?? null);
  }
  return [xs, ys];
}
