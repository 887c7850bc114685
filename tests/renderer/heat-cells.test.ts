import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LEVELS } from '../../core/level.ts';
import type { Decision, StrategyCell } from '../../core/strategy.ts';
import { heatEnds, heatRows, HEAT_STEPS, type HeatInput } from '../../renderer/detail/heat-cells.ts';
import {
  cellText,
  correctionText,
  decisionText,
  keptText,
  speedText,
} from '../../renderer/format/decision.ts';
import { GRID, report } from './build-events.ts';

/** Narrow no-break spaces, as they are between numbers and units. */
const plain = (text: string | null): string | null => text?.replaceAll('\u202f', ' ') ?? null;

const DECISION: Decision = {
  ...report('r'),
  strategy: { promptLevel: 0.5, modelLevel: 60 },
  decidedBy: 'guard',
  limits: { ttftMs: 150, tpotMs: 15 },
  promptTokens: 64,
  keptTokens: 32,
  tlm: { proposed: { promptLevel: 1, modelLevel: 60 }, ms: 5 },
};
const INPUT: HeatInput = { grid: GRID, decision: DECISION, waitedMs: 15, metric: 'ttft' };

describe('the heat map', () => {
  it('has the whole prompt on top and the full level at the right, whatever order the grid is in', () => {
    const places = (grid: readonly StrategyCell[]): string[][] =>
      heatRows({ ...INPUT, grid }).map(({ cells }) =>
        cells.map(({ cell }) => `${cell.promptLevel}x${cell.modelLevel}`),
      );
    expect(places(GRID)).toEqual([
      ['1x20', '1x60'],
      ['0.5x20', '0.5x60'],
    ]);
    expect(places([...GRID].reverse())).toEqual(places(GRID));
  });

  it('shows TTFT with the waiting over its bound: past the bound is past the fifth colour', () => {
    const [whole, half] = heatRows(INPUT);
    expect(whole?.cells.map(({ text, step }) => [text, step])).toEqual([
      ['.50', 2],
      ['1.3', 6],
    ]);
    expect(half?.cells.map(({ text, step }) => [text, step])).toEqual([
      ['.30', 2],
      ['.70', 3],
    ]);
  });

  it('draws the edge where feasible strategies meet others or the rim', () => {
    const [whole, half] = heatRows(INPUT);
    expect(whole?.cells.map(({ edges }) => edges)).toEqual([['top', 'right', 'left'], []]);
    expect(half?.cells.map(({ edges }) => edges)).toEqual([
      ['bottom', 'left'],
      ['top', 'right', 'bottom'],
    ]);
  });

  it('marks the chosen strategy, and the proposal only where it was overruled', () => {
    const marks = (decision: Decision): string[] =>
      heatRows({ ...INPUT, decision })
        .flatMap(({ cells }) => cells)
        .flatMap(({ cell, chosen, proposed }) =>
          chosen || proposed
            ? [`${chosen ? 'chosen' : 'proposed'} ${cell.promptLevel}x${cell.modelLevel}`]
            : [],
        );
    expect(marks(DECISION)).toEqual(['proposed 1x60', 'chosen 0.5x60']);
    expect(marks({ ...DECISION, tlm: { proposed: DECISION.strategy, ms: 5 } })).toEqual(['chosen 0.5x60']);
    expect(marks({ ...DECISION, tlm: null })).toEqual(['chosen 0.5x60']);
  });

  it('has one row without a TLM', () => {
    const grid = GRID.filter(({ promptLevel }) => promptLevel === 1);
    const rows = heatRows({ ...INPUT, grid, metric: 'quality' });
    expect(rows).toHaveLength(1);
    expect(rows[0]?.cells.map(({ step }) => step)).toEqual([1, HEAT_STEPS]);
  });

  it('says unknown where quality is not measured, and colours nothing', () => {
    const grid = GRID.map((cell) => ({ ...cell, quality: null }));
    const cells = heatRows({ ...INPUT, grid, metric: 'quality' }).flatMap((row) => row.cells);
    expect(cells.map(({ text, step }) => [text, step])).toEqual(Array(4).fill(['–', null]));
    expect(heatEnds({ ...INPUT, grid, metric: 'quality' })).toEqual(['–', '–']);
  });

  it('shows milliseconds where the SLO does not bound the latency', () => {
    const decision = { ...DECISION, limits: { ttftMs: 150, tpotMs: null } };
    const input = { ...INPUT, decision, metric: 'tpot' as const };
    expect(heatRows(input)[0]?.cells.map(({ text }) => text)).toEqual(['4.0', '12']);
    expect(heatEnds(input).map(plain)).toEqual(['4.00 ms', '12.0 ms']);
  });

  it('never colours more quality paler', () => {
    const qualities = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
      minLength: LEVELS.length,
      maxLength: LEVELS.length,
    });
    fc.assert(
      fc.property(qualities, (values) => {
        const grid = LEVELS.map((modelLevel, i): StrategyCell => {
          const quality = values[i] ?? 0;
          return { promptLevel: 1, modelLevel, ttftMs: 1, tpotMs: 1, quality, feasible: true };
        });
        const cells = heatRows({ ...INPUT, grid, metric: 'quality' }).flatMap((row) => row.cells);
        for (const a of cells)
          for (const b of cells)
            if ((a.cell.quality ?? 0) < (b.cell.quality ?? 0))
              expect(a.step ?? 0).toBeLessThanOrEqual(b.step ?? 0);
      }),
      { numRuns: 50 },
    );
  });
});

describe('decisions in words', () => {
  it('say what was taken instead of what', () => {
    expect(plain(decisionText(DECISION))).toBe(
      'p 50 % × m 60 %: the guard took the feasible strategy of the best measured quality. ' +
        'The TLM proposed p 100 % × m 60 %.',
    );
  });

  it('tell a strategy’s predictions against the bounds, its quality, and whether it is feasible', () => {
    const [cell] = GRID;
    if (cell === undefined) throw new Error('no cell');
    const context = { limits: DECISION.limits, waitedMs: 15, chosen: true, proposed: false };
    expect(plain(cellText(cell, context))).toBe(
      'p 50 % × m 20 % (chosen): TTFT 45.0 ms of 150 ms, waiting 15.0 ms included; TPOT 4.00 ms of 15.0 ms; ' +
        'quality 0.30; feasible',
    );
    expect(
      plain(cellText({ ...cell, quality: null, feasible: false }, { ...context, limits: null })),
    ).toContain('quality – (not measured); not feasible');
  });

  it.each([
    [{ ttft: 1.18, tpot: 1 }, 'TTFT 18 % slower than profiled, TPOT as profiled', 'phone 18 % slower'],
    [{ ttft: 1.01, tpot: 0.9 }, 'TTFT as profiled, TPOT 10 % faster', 'phone 10 % faster'],
    [{ ttft: 1, tpot: 1 }, 'TTFT and TPOT as profiled', 'phone as profiled'],
    [{ ttft: 2.5, tpot: 1.2 }, 'TTFT 150 % slower than profiled, TPOT 20 % slower', 'phone 150 % slower'],
  ])('correction %j reads %s', (correction, both, one) => {
    expect(plain(correctionText(correction))).toBe(both);
    expect(plain(speedText(correction))).toBe(one);
  });

  it('count kept tokens, and say nothing where an old agent did not', () => {
    expect(plain(keptText(DECISION))).toBe('32 of 64 tokens kept, 50 %');
    expect(keptText({ ...DECISION, keptTokens: 64 })).toBe('kept whole, 64 tokens');
    expect(keptText({ ...DECISION, promptTokens: 0, keptTokens: 0 })).toBeNull();
  });
});
