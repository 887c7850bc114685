import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  e2elMs,
  goodputPerSecond,
  itlMs,
  judgeSlo,
  sloAttainment,
  tpotMs,
  ttftMs,
  type JudgedRequest,
} from '../../core/metrics.ts';

const times = fc
  .record({ arrivedAtMs: fc.nat(1_000_000), gaps: fc.array(fc.nat(10_000), { maxLength: 40 }) })
  .map(({ arrivedAtMs, gaps }) => {
    let at = arrivedAtMs;
    return { arrivedAtMs, tokenAtMs: gaps.map((gap) => (at += gap)) };
  });

describe('latency metrics', () => {
  it('are undefined without the tokens they need, never 0 or infinite', () => {
    expect(ttftMs({ arrivedAtMs: 5, tokenAtMs: [] })).toBeNull();
    expect(e2elMs({ arrivedAtMs: 5, tokenAtMs: [] })).toBeNull();
    expect(tpotMs({ arrivedAtMs: 5, tokenAtMs: [9] })).toBeNull();
    expect(itlMs({ arrivedAtMs: 5, tokenAtMs: [9] })).toEqual([]);
  });

  it('TTFT + TPOT x (tokens - 1) is E2EL, and TPOT is the mean ITL', () => {
    fc.assert(
      fc.property(times, (request) => {
        const n = request.tokenAtMs.length;
        fc.pre(n >= 2);
        const ttft = ttftMs(request) ?? Number.NaN;
        const tpot = tpotMs(request) ?? Number.NaN;
        expect(ttft + tpot * (n - 1)).toBeCloseTo(e2elMs(request) ?? Number.NaN, 6);
        const gaps = itlMs(request);
        expect(gaps.reduce((a, b) => a + b, 0) / gaps.length).toBeCloseTo(tpot, 6);
      }),
    );
  });
});

describe('judgeSlo', () => {
  it.each([
    ['both met', { ttftMs: 100, tpotMs: 10 }, { ttftMs: 100, tpotMs: 10 }, true],
    ['TTFT missed', { ttftMs: 100, tpotMs: 10 }, { ttftMs: 100.1, tpotMs: 10 }, false],
    ['TPOT missed', { ttftMs: 100, tpotMs: 10 }, { ttftMs: 1, tpotMs: 11 }, false],
    ['a single token has no TPOT to miss', { ttftMs: 100, tpotMs: 10 }, { ttftMs: 1, tpotMs: null }, true],
    ['only TPOT bounded', { ttftMs: null, tpotMs: 10 }, { ttftMs: 9e9, tpotMs: 9 }, true],
    ['nothing bounded', { ttftMs: null, tpotMs: null }, { ttftMs: 1, tpotMs: 1 }, null],
  ])('%s', (_, limits, measured, met) => {
    expect(judgeSlo(limits, measured).met).toBe(met);
  });
});

describe('SLO attainment and goodput', () => {
  const hit: JudgedRequest = { outcome: 'completed', hasSlo: true, met: true };
  const miss: JudgedRequest = { outcome: 'completed', hasSlo: true, met: false };

  it('counts a failed request as a miss', () => {
    expect(sloAttainment([hit, { outcome: 'failed', hasSlo: true, met: null }])).toBe(0.5);
  });

  it('leaves out requests that were cut off, cancelled or have no SLO', () => {
    expect(
      sloAttainment([
        hit,
        { outcome: 'cut-off', hasSlo: true, met: null },
        { outcome: 'cancelled', hasSlo: true, met: false },
        { outcome: 'completed', hasSlo: false, met: null },
      ]),
    ).toBe(1);
    expect(sloAttainment([])).toBeNull();
  });

  it('goodput counts hits only, per second of the window', () => {
    expect(goodputPerSecond([hit, hit, miss], 4000)).toBe(0.5);
    expect(goodputPerSecond([hit], 0)).toBe(0);
  });
});
