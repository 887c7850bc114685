import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { median, percentile, summarize } from '../../core/statistics.ts';

describe('percentile', () => {
  // numpy.percentile([1, 2, 4, 8], [0, 25, 50, 90, 100])
  it.each([
    [0, 1],
    [25, 1.75],
    [50, 3],
    [90, 6.8],
    [100, 8],
  ])('interpolates linearly: p%d of 1 2 4 8 is %d', (p, expected) => {
    expect(percentile([1, 2, 4, 8], p)).toBeCloseTo(expected, 12);
  });
});

describe('summarize', () => {
  it('has null figures, not zeros, for no samples', () => {
    expect(summarize([])).toMatchObject({ n: 0, mean: null, p99: null, max: null });
    expect(summarize([null, Number.NaN, Number.POSITIVE_INFINITY]).n).toBe(0);
  });

  it('orders its percentiles and keeps mean and percentiles within min and max', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 }), (samples) => {
        const s = summarize(samples);
        const order = [s.min, s.p50, s.p90, s.p95, s.p99, s.max].map((x) => x ?? Number.NaN);
        for (const [i, x] of order.slice(1).entries())
          expect(x).toBeGreaterThanOrEqual(order[i] ?? Number.NaN);
        expect(s.mean).toBeGreaterThanOrEqual((s.min ?? 0) - 1e-6);
        expect(s.mean).toBeLessThanOrEqual((s.max ?? 0) + 1e-6);
        expect(median(samples)).toBe(s.p50);
      }),
    );
  });
});
