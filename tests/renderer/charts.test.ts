import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { visibleRange } from '../../renderer/charts/frame.ts';
import {
  latencyCeiling,
  latencyPoints,
  nearestPoint,
  RATIO_CEILING,
} from '../../renderer/charts/latency-points.ts';
import { stepsIn } from '../../renderer/charts/level-lane.ts';
import { visibleColumns } from '../../renderer/charts/series-lane.ts';
import { EMPTY_VIEW } from '../../renderer/live/live-view.ts';
import { LiveStore } from '../../renderer/live/live-store.ts';
import { TimeSeries } from '../../renderer/live/time-series.ts';
import { finished, PHONE_ZERO_MS, sent, started, wholeRequest } from './build-events.ts';

const ALL = { fromMs: PHONE_ZERO_MS - 1, toMs: PHONE_ZERO_MS + 100_000 };

function rowsOf(events: Parameters<LiveStore['apply']>[0]): LiveStore['view']['rows'] {
  const store = new LiveStore();
  store.apply(events);
  return store.view.rows;
}

describe('latency marks', () => {
  const rows = rowsOf([
    ...wholeRequest(0, 'hit', 'gmail', true),
    ...wholeRequest(400, 'miss', 'gmail', false),
    sent(800, 'failed', 'gmail'),
    finished(900, 'failed', {}, 'failed'),
    sent(1000, 'waiting', 'gmail'),
  ]);

  it('stand at measured over SLO, in the shape of their verdict', () => {
    const points = latencyPoints(rows, ALL, 'ttft', 'ratio');
    expect(points.map(({ row, y, shape }) => [row.id, y, shape])).toEqual([
      ['hit', 200 / 300, 'hit'],
      ['miss', 200 / 300, 'miss'],
      ['failed', 0, 'failed'],
    ]);
  });

  it('carry their own limit in milliseconds', () => {
    expect(latencyPoints(rows, ALL, 'ttft', 'ms')[0]).toMatchObject({ y: 200, limit: 300 });
  });

  it('have no ratio where TPOT is not bounded, and a ring in milliseconds', () => {
    expect(latencyPoints(rows, ALL, 'tpot', 'ratio').map(({ shape }) => shape)).toEqual(['failed']);
    expect(latencyPoints(rows, ALL, 'tpot', 'ms')[0]).toMatchObject({ y: 12, limit: null, shape: 'open' });
  });

  it('show up only in the range that the request arrived in', () => {
    const range = { fromMs: PHONE_ZERO_MS + 300, toMs: PHONE_ZERO_MS + 500 };
    expect(latencyPoints(rows, range, 'ttft', 'ratio').map(({ row }) => row.id)).toEqual(['miss']);
  });

  it('keep the SLO line on the chart and one outlier from flattening the rest', () => {
    expect(latencyCeiling([], 'ratio')).toBeGreaterThan(1);
    const far = latencyPoints(rows, ALL, 'ttft', 'ratio').map((point) => ({ ...point, y: 40 }));
    expect(latencyCeiling(far, 'ratio')).toBe(RATIO_CEILING);
    expect(latencyCeiling(latencyPoints(rows, ALL, 'ttft', 'ms'), 'ms')).toBeGreaterThan(300);
  });

  it('are found by the pointer within its reach only', () => {
    const points = latencyPoints(rows, ALL, 'ttft', 'ratio');
    const place = ({ atMs }: { atMs: number }): { x: number; y: number } => ({
      x: atMs - PHONE_ZERO_MS,
      y: 0,
    });
    expect(nearestPoint(points, { x: 390, y: 3 }, place, 14)?.row.id).toBe('miss');
    expect(nearestPoint(points, { x: 200, y: 0 }, place, 14)).toBeNull();
  });
});

describe('the time axis', () => {
  const base = { windowS: 60, zoom: null, past: false };

  it('fills up from the left, then follows the end', () => {
    const view = { startMs: 1000, endMs: 5000 };
    expect(visibleRange({ ...base, view, nowMs: 5000 })).toEqual({ fromMs: 1000, toMs: 61_000 });
    expect(visibleRange({ ...base, view, nowMs: 90_000 })).toEqual({ fromMs: 30_000, toMs: 90_000 });
  });

  it('holds still on a zoom', () => {
    const zoom = { fromMs: 1, toMs: 2 };
    expect(visibleRange({ ...base, zoom, view: EMPTY_VIEW, nowMs: null })).toBe(zoom);
  });

  it('shows a recorded run whole and never is empty', () => {
    fc.assert(
      fc.property(fc.nat(1e9), fc.nat(1e7), fc.boolean(), (startMs, lengthMs, past) => {
        const view = { startMs, endMs: startMs + lengthMs };
        const range = visibleRange({ ...base, past, view, nowMs: view.endMs });
        expect(range.toMs).toBeGreaterThan(range.fromMs);
        expect(range.toMs).toBeGreaterThanOrEqual(view.endMs);
        if (past) expect(range.fromMs).toBeLessThan(startMs);
      }),
    );
  });
});

describe('step lines', () => {
  const series = new TimeSeries(8);
  for (const [atMs, value] of [
    [10, 100],
    [20, 40],
    [30, Number.NaN],
    [40, 60],
  ] as const)
    series.push(atMs, value);
  const level = series.snapshot();

  it('come in from before the range and hold to the end', () => {
    expect(stepsIn(level, { fromMs: 15, toMs: 90 }, 70)).toEqual([
      { fromMs: 10, toMs: 20, value: 100 },
      { fromMs: 20, toMs: 30, value: 40 },
      { fromMs: 40, toMs: 70, value: 60 },
    ]);
  });

  it('leave a gap where nothing is known', () => {
    const view = { ...EMPTY_VIEW, endMs: 70, series: { ...EMPTY_VIEW.series, queue: level } };
    expect(visibleColumns({ view, range: { fromMs: 15, toMs: 90 } }, 'queue', true)).toEqual([
      [10, 20, 30, 40, 70],
      [100, 40, null, 60, 60],
    ]);
  });

  it('draw nothing of an empty series', () => {
    expect(stepsIn(EMPTY_VIEW.series.level, { fromMs: 0, toMs: 9 }, 9)).toEqual([]);
    expect(visibleColumns({ view: EMPTY_VIEW, range: { fromMs: 0, toMs: 9 } }, 'queue', true)).toEqual([
      [],
      [],
    ]);
  });
});

it('marks of a started request wait for its verdict as rings', () => {
  const rows = rowsOf([...wholeRequest(0, 'a', 'gmail', true).slice(0, 4), started(900, 'b')]);
  expect(latencyPoints(rows, ALL, 'ttft', 'ratio').map(({ shape }) => shape)).toEqual(['open']);
});
