import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LiveStore, viewOfRun } from '../../renderer/live/live-store.ts';
import { lowerBound, TimeSeries, valueAt } from '../../renderer/live/time-series.ts';
import { agentEvent, finished, PHONE_ZERO_MS, queued, sent, started, wholeRequest } from './build-events.ts';

const samples = fc.array(fc.tuple(fc.nat(10_000), fc.double({ noNaN: true, min: -1e6, max: 1e6 })), {
  maxLength: 60,
});

describe('a time series', () => {
  it('keeps the newest samples in ascending time', () => {
    fc.assert(
      fc.property(samples, fc.integer({ min: 1, max: 20 }), (pushed, capacity) => {
        const series = new TimeSeries(capacity);
        for (const [atMs, value] of pushed) series.push(atMs, value);
        const { times, values } = series.snapshot();
        expect([...values]).toEqual(pushed.slice(-capacity).map(([, value]) => value));
        expect([...times]).toEqual([...times].sort((a, b) => a - b));
      }),
    );
  });

  it('remembers, when it forgets, where the step line comes from', () => {
    const series = new TimeSeries(8);
    for (const atMs of [10, 20, 30, 40]) series.push(atMs, atMs);
    series.dropBefore(35);
    expect([...series.snapshot().times]).toEqual([30, 40]);
    expect(valueAt(series.snapshot(), 36)).toBe(30);
  });

  it('finds the value of a step line at any moment', () => {
    fc.assert(
      fc.property(samples, fc.nat(11_000), (pushed, atMs) => {
        const sorted = [...pushed].sort(([a], [b]) => a - b);
        const series = new TimeSeries(100);
        for (const [at, value] of sorted) series.push(at, value);
        const { times } = series.snapshot();
        expect(lowerBound(times, atMs)).toBe([...times].filter((time) => time < atMs).length);
        const before = sorted.filter(([at]) => at <= atMs);
        const value = valueAt(series.snapshot(), atMs);
        if (before.length === 0) expect(value).toBeNull();
        else expect(before.map(([, v]) => v)).toContain(value);
      }),
    );
  });

  it('says unknown where nothing is known', () => {
    const series = new TimeSeries(4);
    series.push(10, Number.NaN);
    expect(valueAt(series.snapshot(), 5)).toBeNull();
    expect(valueAt(series.snapshot(), 15)).toBeNull();
  });
});

describe('the live store', () => {
  it('hands out one unchanging view until something changes', () => {
    const store = new LiveStore();
    store.apply(wholeRequest(0, 'a', 'gmail', true));
    const before = store.view;
    expect(store.view).toBe(before);
    store.apply(wholeRequest(500, 'b', 'gmail', true));
    expect(before.rows).toHaveLength(1);
    expect(store.view.rows).toHaveLength(2);
  });

  it('keeps at most as many requests as it may, the newest, and goes on updating them', () => {
    const store = new LiveStore(50);
    for (let i = 0; i < 300; i += 1) store.apply([sent(i, `r${i}`, 'gmail')]);
    store.apply([queued(400, 'r299')]);
    const { rows } = store.view;
    expect(rows).toHaveLength(50);
    expect(rows[0]?.id).toBe('r250');
    expect(rows.at(-1)).toMatchObject({ id: 'r299', state: 'queued' });
  });

  it('draws level, queue, temperature and memory from what the phone says', () => {
    const store = new LiveStore();
    store.apply([
      started(0, 'a', 100),
      agentEvent(10, {
        type: 'level-switched',
        from: 100,
        to: 40,
        requestId: 'b',
        switchMs: 0.1,
        reason: 'strategy',
      }),
      started(11, 'b', 40),
      agentEvent(20, { type: 'telemetry', queueLength: 3, pssBytes: null, rssBytes: 9e6, cpuLoad: 1 }),
      {
        kind: 'device',
        hostAtMs: PHONE_ZERO_MS + 30,
        serial: 's',
        telemetry: {
          temperatureC: 41.5,
          skinC: null,
          thermalStatus: null,
          cpuCoolingState: null,
          batteryPercent: null,
          batteryC: null,
          charging: null,
          batteryHeld: false,
          coreKhz: null,
          availableBytes: null,
        },
      },
    ]);
    const { series, switches } = store.view;
    expect([...series.level.values]).toEqual([100, 40]);
    expect(switches).toEqual([
      { atMs: PHONE_ZERO_MS + 10, from: 100, to: 40, switchMs: 0.1, requestId: 'b', reason: 'strategy' },
    ]);
    expect([...series.queue.values]).toEqual([3]);
    expect([...series.temperatureC.values]).toEqual([41.5]);
    expect([...series.memoryBytes.values]).toEqual([9e6]);
  });

  it('forgets what was before a run when the run begins', () => {
    const store = new LiveStore();
    store.apply([...wholeRequest(0, 'old', 'gmail', true), sent(2000, 'new', 'gmail')]);
    store.startRun(PHONE_ZERO_MS + 1500);
    expect(store.view.rows.map(({ id }) => id)).toEqual(['new']);
    expect(store.view.startMs).toBe(PHONE_ZERO_MS + 1500);
    store.apply([queued(2001, 'new')]);
    expect(store.view.rows).toHaveLength(1);
  });

  it('cuts open requests off when their run ends, and takes a late end all the same', () => {
    const store = new LiveStore();
    store.apply([sent(0, 'a', 'gmail'), sent(1, 'b', 'gmail')]);
    store.endRun();
    store.apply([finished(9, 'b')]);
    expect(store.view.rows.map(({ state }) => state)).toEqual(['cut-off', 'completed']);
  });

  it('shows a recorded run whole, in any number of requests', () => {
    const events = Array.from({ length: 200 }, (_, i) =>
      wholeRequest(i * 400, `r${i}`, 'gmail', true),
    ).flat();
    const view = viewOfRun([...events, sent(90_000, 'late', 'gmail')], PHONE_ZERO_MS - 10, true);
    expect(view.rows).toHaveLength(201);
    expect(view.rows.at(-1)?.state).toBe('cut-off');
    expect(view.startMs).toBe(PHONE_ZERO_MS - 10);
  });
});
