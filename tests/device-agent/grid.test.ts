import { describe, expect, test } from 'vitest';
import { LEVELS } from '../../core/level.ts';
import {
  estimateRemainingMs,
  measurementOrder,
  planProfile,
  shortened,
  warmUpCells,
} from '../../device-agent/profiler/grid.ts';

const lengthsOf = (mode: 'quick' | 'full', contextLength: number): number[] => [
  ...new Set(planProfile(mode, LEVELS, [2], contextLength).cells.map((cell) => cell.promptTokens)),
];

describe('planProfile', () => {
  test('quick: lowest, middle and full level at three lengths', () => {
    const plan = planProfile('quick', LEVELS, [2], 8192);
    expect(plan.cells).toHaveLength(9);
    expect([...new Set(plan.cells.map((cell) => cell.level))]).toEqual([20, 60, 100]);
    expect(lengthsOf('quick', 8192)).toEqual([32, 256, 512]);
  });

  test('full: every level, length and thread count, at least five samples', () => {
    const plan = planProfile('full', LEVELS, [1, 2], 8192);
    expect(plan.cells).toHaveLength(9 * 6 * 2);
    expect(plan.samples).toBeGreaterThanOrEqual(5);
    expect(lengthsOf('full', 8192)).toEqual([32, 128, 256, 512, 1024, 2048]);
  });

  test('lengths leave room for decoding within the context', () => {
    for (const contextLength of [8, 40, 100, 300, 2048, 2100])
      for (const mode of ['quick', 'full'] as const) {
        const plan = planProfile(mode, LEVELS, [2], contextLength);
        expect(plan.cells.length).toBeGreaterThan(0);
        for (const cell of plan.cells) {
          expect(cell.promptTokens).toBeGreaterThan(0);
          expect(cell.promptTokens + plan.decodeTokens).toBeLessThanOrEqual(contextLength);
        }
      }
  });

  test('one level gives one row of cells', () => {
    expect(planProfile('quick', [100], [2], 8192).cells).toHaveLength(3);
  });
});

describe('a quick plan on a device that its warm-up found slow', () => {
  const quick = planProfile('quick', LEVELS, [2], 8192);
  const warmedUp = (ms: number): Parameters<typeof shortened>[1] =>
    warmUpCells(quick, 2).map((cell) => ({ cell, ms }));

  test.each([
    ['fast', 100, quick.samples, 512],
    ['slow', 1_500, 3, 512],
    ['very slow', 10_000, 2, 256],
  ])('%s: %d ms a run give %d runs of each cell up to %d tokens', (_device, ms, samples, longest) => {
    const plan = shortened(quick, warmedUp(ms));
    expect(plan.samples).toBe(samples);
    expect(plan.cells).toEqual(quick.cells.filter(({ promptTokens }) => promptTokens <= longest));
  });

  test('stays as it is before anything ran, and a full plan always', () => {
    const full = planProfile('full', LEVELS, [2], 8192);
    expect(shortened(quick, [])).toBe(quick);
    expect(shortened(full, warmedUp(60_000))).toBe(full);
  });

  test('keeps a length where there is only one', () => {
    const short = planProfile('quick', LEVELS, [2], 100);
    expect(new Set(short.cells.map(({ promptTokens }) => promptTokens)).size).toBe(1);
    expect(
      shortened(
        short,
        warmUpCells(short, 2).map((cell) => ({ cell, ms: 60_000 })),
      ).cells,
    ).toEqual(short.cells);
  });
});

test('warm-up goes from short to long at the full level, of a full profile the longest alone', () => {
  const lengths = (mode: 'quick' | 'full'): string[] =>
    warmUpCells(planProfile(mode, LEVELS, [1, 2], 8192), 2).map(
      ({ level, threads, promptTokens }) => `${level} ${threads} ${promptTokens}`,
    );
  expect(lengths('quick')).toEqual(['100 2 32', '100 2 256', '100 2 512']);
  expect(lengths('full')).toEqual(['100 2 1024', '100 2 2048']);
});

test('measurementOrder visits every cell once per round', () => {
  const plan = planProfile('quick', LEVELS, [1, 2], 8192);
  const order = measurementOrder(plan);
  expect(order).toHaveLength(plan.cells.length * plan.samples);
  for (let round = 0; round < plan.samples; round++) {
    const part = order.slice(round * plan.cells.length, (round + 1) * plan.cells.length);
    expect(new Set(part).size).toBe(plan.cells.length);
    expect(part).not.toEqual(plan.cells);
  }
});

test('estimateRemainingMs scales with what is left', () => {
  const cell = { level: 100, promptTokens: 100, threads: 2 } as const;
  expect(estimateRemainingMs([], [cell], 10)).toBeNull();
  expect(estimateRemainingMs([{ cell, ms: 50 }], [cell, cell], 10)).toBeCloseTo(100);
  expect(estimateRemainingMs([{ cell, ms: 50 }], [], 10)).toBe(0);
});
