import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  LatencyTracker,
  LEAST_REQUESTS,
  WINDOW_MS,
  WINDOW_REQUESTS,
} from '../../device-agent/orchestrator/latency-correction.ts';

const predicted = { ttftMs: 200, tpotMs: 20 };

/** Requests one second apart whose latencies are these multiples of the prediction. */
function after(ratios: readonly number[], atMs = 0): { tracker: LatencyTracker; nowMs: number } {
  const tracker = new LatencyTracker();
  for (const [i, ratio] of ratios.entries())
    tracker.observe(predicted, { ttftMs: 200 * ratio, tpotMs: 20 * ratio }, atMs + i * 1000);
  return { tracker, nowMs: atMs + (ratios.length - 1) * 1000 };
}
const tpotAfter = (ratios: readonly number[]): number => {
  const { tracker, nowMs } = after(ratios);
  return tracker.correction(nowMs).tpot;
};
const times = (n: number, ratio: number): number[] => Array.from({ length: n }, () => ratio);

describe('LatencyTracker', () => {
  test('is neutral before anything was measured, and while predictions hold', () => {
    expect(new LatencyTracker().correction(0)).toEqual({ ttft: 1, tpot: 1 });
    expect(tpotAfter(times(30, 1))).toBe(1);
  });

  test('a device that becomes 1.6 times slower is followed within three requests', () => {
    expect(tpotAfter(times(2, 1.6))).toBeCloseTo(1.6, 6);
    expect(tpotAfter([...times(WINDOW_REQUESTS, 1), ...times(3, 1.6)])).toBeGreaterThan(1.5);
  });

  test('one slow request among others moves it by less than a tenth', () => {
    for (const before of [0, 5, LEAST_REQUESTS, WINDOW_REQUESTS])
      expect(tpotAfter([...times(before, 1), 2])).toBeLessThan(1.15);
  });

  test('heat that is over is forgotten after a window of requests, or of time', () => {
    expect(tpotAfter([...times(10, 2), ...times(WINDOW_REQUESTS - 1, 1)])).toBeLessThan(1.1);
    const { tracker, nowMs } = after(times(10, 2));
    expect(tracker.correction(nowMs + WINDOW_MS + 1).tpot).toBe(1);
  });

  test('falls slower than it rises', () => {
    const down = [...times(WINDOW_REQUESTS, 1.6), ...times(3, 1)];
    expect(tpotAfter(down)).toBeCloseTo(1.6, 6);
  });

  test('TTFT and TPOT are corrected apart, and what was not measured does not count', () => {
    const tracker = new LatencyTracker();
    for (let i = 0; i < LEAST_REQUESTS; i++) tracker.observe(predicted, { ttftMs: 500, tpotMs: null }, i);
    expect(tracker.correction(20)).toEqual({ ttft: 2.5, tpot: 1 });
    tracker.reset();
    expect(tracker.correction(20)).toEqual({ ttft: 1, tpot: 1 });
  });

  test('stays within sane bounds whatever is measured', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 1e-6, max: 1e6, noNaN: true })), (ratios) => {
        const value = tpotAfter(ratios);
        expect(value).toBeGreaterThanOrEqual(1);
        expect(value).toBeLessThanOrEqual(8);
      }),
    );
  });
});
