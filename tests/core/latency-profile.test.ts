import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { latencyProfileSchema, predictLatency, type LatencyProfile } from '../../core/latency-profile.ts';
import { LEVELS, type Level } from '../../core/level.ts';
import { summarize } from '../../core/statistics.ts';

/** TTFT = 2 ms + level % x tokens / 100; TPOT = 1 ms + level / 10. */
function lineProfile(levels: readonly Level[], promptLengths: readonly number[]): LatencyProfile {
  return latencyProfileSchema.parse({
    schemaVersion: 1,
    bundleId: 'b',
    mode: 'quick',
    measuredAt: '2026-01-01T00:00:00Z',
    device: { serial: 's', model: 'm', virtual: true },
    runtime: { onnxruntime: '1', node: '20', provider: 'cpu', arch: 'x64' },
    threads: 2,
    decodeTokens: 8,
    warmUpRuns: 1,
    temperatureC: { before: null, after: null },
    cells: levels.flatMap((level) =>
      promptLengths.flatMap((promptTokens) => [
        {
          level,
          promptTokens,
          threads: 2,
          ttftMs: summarize([2 + (level * promptTokens) / 100]),
          tpotMs: summarize([1 + level / 10]),
        },
        { level, promptTokens, threads: 1, ttftMs: summarize([9e9]), tpotMs: summarize([9e9]) },
      ]),
    ),
  });
}

describe('predictLatency', () => {
  const profile = lineProfile([20, 60, 100], [64, 256, 512]);

  it('gives measured cells back, of the threads that the agent serves with only', () => {
    expect(predictLatency(profile, 60, 256)).toEqual({ ttftMs: 2 + 0.6 * 256, tpotMs: 7 });
  });

  it('is exact between and beyond the cells where latency is linear', () => {
    fc.assert(
      fc.property(fc.constantFrom(...LEVELS), fc.integer({ min: 1, max: 4096 }), (level, tokens) => {
        const predicted = predictLatency(profile, level, tokens);
        expect(predicted?.ttftMs).toBeCloseTo(2 + (level * tokens) / 100, 6);
        expect(predicted?.tpotMs).toBeCloseTo(1 + level / 10, 9);
      }),
    );
  });

  it('works with a single cell and never goes below 0', () => {
    expect(predictLatency(lineProfile([100], [64]), 20, 2000)).toEqual({ ttftMs: 66, tpotMs: 11 });
    const steep = lineProfile([20, 100], [64, 128]);
    expect(predictLatency(steep, 20, 1)?.ttftMs).toBeGreaterThanOrEqual(0);
  });

  it('never falls with the level, whatever a noisy machine measured', () => {
    const cellMs = fc.double({ min: 1, max: 1000, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(cellMs, { minLength: 18, maxLength: 18 }),
        fc.integer({ min: 1, max: 2048 }),
        (noise, tokens) => {
          const cells = profile.cells
            .filter((cell) => cell.threads === 2)
            .map((cell, i) => ({
              ...cell,
              ttftMs: summarize([noise[i] ?? 0]),
              tpotMs: summarize([noise[i + 9] ?? 0]),
            }));
          const predicted = LEVELS.map((level) => predictLatency({ ...profile, cells }, level, tokens));
          for (const [i, next] of predicted.slice(1).entries()) {
            expect(next?.ttftMs).toBeGreaterThanOrEqual((predicted[i]?.ttftMs ?? 0) - 1e-9);
            expect(next?.tpotMs).toBeGreaterThanOrEqual((predicted[i]?.tpotMs ?? 0) - 1e-9);
          }
        },
      ),
    );
  });

  it('plans with the p90 of the device: one slow run of one cell moves no other prediction', () => {
    const noisy = lineProfile([20, 60, 100], [64, 256, 512]);
    const runs = (ms: number): number[] => [1, 1, 1.1, 1.2].map((factor) => factor * ms);
    const spread = (1.1 + 0.7 * 0.1) / 1.05;
    const cells = noisy.cells.map((cell) => {
      const ttft = cell.ttftMs.mean ?? 0;
      const slow = cell.level === 20 && cell.promptTokens === 64;
      const ttftMs = summarize(slow ? [...runs(ttft).slice(0, 3), ttft * 9] : runs(ttft));
      return { ...cell, ttftMs, tpotMs: summarize(runs(cell.tpotMs.mean ?? 0)) };
    });
    for (const level of [20, 60, 100] as const) {
      const predicted = predictLatency({ ...noisy, cells }, level, 64);
      expect(predicted?.ttftMs).toBeCloseTo(1.05 * spread * (2 + 0.64 * level), 6);
      expect(predicted?.tpotMs).toBeCloseTo(1.05 * spread * (1 + level / 10), 6);
    }
  });

  it('knows nothing without a usable cell', () => {
    const empty = { ...profile, cells: profile.cells.map((cell) => ({ ...cell, ttftMs: summarize([]) })) };
    expect(predictLatency(empty, 100, 64)).toBeNull();
  });
});
