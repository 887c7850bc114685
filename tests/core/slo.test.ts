import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatSlo, sloLimits, sloSchema } from '../../core/slo.ts';

describe('sloSchema', () => {
  it.each([
    ['zero', { ttft: 0 }],
    ['negative', { tpot: -0.5 }],
    ['NaN', { ttft: Number.NaN }],
    ['infinite', { ttftMs: Number.POSITIVE_INFINITY }],
    ['text', { ttft: '0.5' }],
    ['ratio and milliseconds of the same metric', { ttft: 0.5, ttftMs: 300 }],
    ['a ratio that can only be milliseconds', { ttft: 300 }],
    ['an unknown bound', { latency: 3 }],
  ])('refuses %s', (_, slo) => {
    expect(sloSchema.safeParse(slo).success).toBe(false);
  });

  it.each([[{}], [{ ttft: 0.2, tpot: 0.5 }], [{ ttftMs: 300 }], [{ ttft: 1, tpotMs: 40 }]])(
    'takes %j',
    (slo) => {
      expect(sloSchema.parse(slo)).toEqual(slo);
    },
  );
});

describe('sloLimits', () => {
  it('turns ratios into milliseconds of the reference and leaves milliseconds alone', () => {
    expect(sloLimits({ ttft: 0.5, tpotMs: 7 }, { ttftMs: 400, tpotMs: 10 })).toEqual({
      ttftMs: 200,
      tpotMs: 7,
    });
    expect(sloLimits({}, { ttftMs: 400, tpotMs: 10 })).toEqual({ ttftMs: null, tpotMs: null });
  });

  it('never loosens when the ratio gets smaller', () => {
    const ratio = fc.double({ min: 0.01, max: 2, noNaN: true });
    fc.assert(
      fc.property(ratio, ratio, fc.double({ min: 1, max: 1e4, noNaN: true }), (a, b, fullMs) => {
        const limit = (ttft: number): number =>
          sloLimits({ ttft }, { ttftMs: fullMs, tpotMs: 1 }).ttftMs ?? 0;
        if (a <= b) expect(limit(a)).toBeLessThanOrEqual(limit(b));
      }),
    );
  });
});

it('formatSlo writes the paper’s form, with units for milliseconds and a dash for no bound', () => {
  expect(formatSlo({ ttft: 0.2, tpot: 0.5 })).toBe('<0.2, 0.5>');
  expect(formatSlo({ ttftMs: 300 })).toBe('<300 ms, –>');
});
