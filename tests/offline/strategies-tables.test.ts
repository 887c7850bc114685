import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LEVELS } from '../../core/level.ts';
import { PROMPT_LEVELS } from '../../core/prompt-level.ts';
import {
  additive,
  judgeValues,
  interpolated,
  LABEL_GRID,
  strategiesOf,
  tableOf,
} from '../../offline/tlm/strategies/index.ts';
import {
  probabilityTable,
  shrunkTables,
  type LabelledRequest,
} from '../../offline/tlm/decision/labelled-request.ts';
import { lightestRightRewards, shrunkRewards } from '../../offline/tlm/decision/decision-examples.ts';
import { partHeldOut } from '../../offline/tlm/decision/train-decision-head.ts';
import { neverFalling } from '../../offline/tlm/decision/never-falling.ts';
import { strategyQuality } from '../../offline/tlm/decision/strategy-quality.ts';
import { cellsOf } from '../../offline/tlm/strategies/situation.ts';
import { situation } from './support/strategy-situations.ts';

const grid = strategiesOf(LABEL_GRID);

function labelled(set: string, probability: (p: number, m: number) => number, id = set): LabelledRequest {
  return {
    request: {
      id,
      kind: 'multiple-choice',
      set,
      prompt: { tokens: [1, 2], words: Int32Array.of(0, -1) },
      pieces: ['a', 'b'],
      choices: [{ tokens: [1], bytes: 1 }],
      gold: 0,
    },
    outcomes: grid.map(({ promptLevel, modelLevel }) => {
      const value = probability(promptLevel, modelLevel);
      return { right: value > 0.5, probability: value, logProbability: 0 };
    }),
  };
}

describe('judging choices', () => {
  it('the largest value is the answer, and probabilities sum to one', () => {
    const values = [-1, -0.5, -3];
    expect(judgeValues(values, 1)).toMatchObject({ right: true, logProbability: -0.5 });
    expect(judgeValues(values, 2).logProbability).toBe(-3);
    expect(judgeValues(values, 0).right).toBe(false);
    const sum = [0, 1, 2].reduce((all, gold) => all + judgeValues(values, gold).probability, 0);
    expect(sum).toBeCloseTo(1, 12);
    expect(judgeValues([-900, -901], 0, 1).probability).toBeCloseTo(1 / (1 + Math.exp(-1)), 12);
  });
});

describe('strategy tables', () => {
  it('are exact for what is linear in prompt and model level, between and at the measured points', () => {
    const linear = (p: number, m: number): number => 0.1 + 0.3 * p + (0.4 * m) / 100;
    const table = interpolated(
      LABEL_GRID,
      grid.map(({ promptLevel, modelLevel }) => linear(promptLevel, modelLevel)),
    );
    for (const [row, p] of PROMPT_LEVELS.entries())
      for (const [column, m] of LEVELS.entries()) expect(table[row]?.[column]).toBeCloseTo(linear(p, m), 10);
  });

  it('shrink to the mean of the set, and that to the mean of all', () => {
    const requests = [
      labelled('a', () => 0.2, 'a1'),
      labelled('a', () => 0.4, 'a2'),
      labelled('b', () => 0.9),
    ];
    const value = (own: number, set: number): number[] =>
      shrunkTables(requests, { own, set }).map((table) => table[3]?.[4] ?? Number.NaN);
    const close = (expected: number[]): unknown[] => expected.map((one) => expect.closeTo(one, 10));
    expect(value(0, 1)).toEqual(close([0.3, 0.3, 0.9]));
    expect(value(1, 1)).toEqual(close([0.2, 0.4, 0.9]));
    expect(value(0, 0)).toEqual(close([0.5, 0.5, 0.5]));
    expect(value(0.5, 1)).toEqual(close([0.25, 0.35, 0.9]));
  });

  it('keep what rows and columns do, and lose what single cells do', () => {
    const table = tableOf((p, m) => p + m / 100);
    for (const [i, row] of additive(table).entries())
      for (const [j, value] of row.entries()) expect(value).toBeCloseTo(table[i]?.[j] ?? 0, 10);
    const bump = additive(tableOf((p, m) => (p === 0.5 && m === 60 ? 1 : 0)));
    expect(bump[4]?.[4]).toBeCloseTo(1 / 9 + 1 / 10 - 1 / 90, 10);
  });

  it('sets count alike in the table of qualities', () => {
    const requests = [
      labelled('a', () => 0.2, 'a1'),
      labelled('a', () => 0.2, 'a2'),
      labelled('b', () => 0.8),
    ];
    expect(
      strategyQuality(requests)
        .values.flat()
        .every((value) => Math.abs(value - 0.5) < 1e-9),
    ).toBe(true);
    expect(probabilityTable(labelled('a', () => 0.3))[9]?.[8]).toBeCloseTo(0.3, 12);
  });

  it('a level that measured worse than a lower one counts as the mean of both', () => {
    expect(neverFalling([0.1, 0.4, 0.2, 0.5])).toEqual([0.1, 0.30000000000000004, 0.30000000000000004, 0.5]);
    expect(neverFalling([3, 2, 1])).toEqual([2, 2, 2]);
    const { values } = strategyQuality([labelled('a', (_, m) => (m === 20 ? 0.9 : 0.3))]);
    for (const row of values) expect(row).toEqual([...row].sort((a, b) => a - b));
  });

  it('the curve that never falls keeps the sum and leaves rising values alone', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1 }), (values) => {
        const sum = (all: readonly number[]): number => all.reduce((total, value) => total + value, 0);
        const risen = neverFalling(values);
        expect(risen).toHaveLength(values.length);
        for (const [i, value] of risen.entries()) expect(value).toBeGreaterThanOrEqual(risen[i - 1] ?? 0);
        expect(sum(risen)).toBeCloseTo(sum(values), 9);
        const rising = [...values].sort((a, b) => a - b);
        expect(neverFalling(rising)).toEqual(rising);
      }),
    );
  });
});

describe('rewards', () => {
  const feasible = cellsOf(situation(), true).filter((cell) => cell.feasible);
  const at = (rewards: Float32Array, p: number, m: number): number =>
    rewards[
      PROMPT_LEVELS.findIndex((level) => level === p) * LEVELS.length + LEVELS.findIndex((l) => l === m)
    ] ?? Number.NaN;

  it('are above zero exactly where a strategy is feasible', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 15, maxLength: 15 }),
        (values) => {
          const rewards = shrunkRewards(feasible, interpolated(LABEL_GRID, values));
          const positive = rewards.reduce((count, reward) => count + (reward > 0 ? 1 : 0), 0);
          expect(positive).toBe(feasible.length);
        },
      ),
    );
  });

  it('prefer what is worth more; where that tells nothing the larger level, and the lighter prompt', () => {
    const flat = shrunkRewards(
      feasible,
      interpolated(
        LABEL_GRID,
        grid.map(() => 0.4),
      ),
    );
    expect(at(flat, 0.5, 60)).toBeGreaterThan(at(flat, 0.5, 20));
    expect(at(flat, 0.1, 20)).toBeGreaterThan(at(flat, 0.5, 20));
    const rising = shrunkRewards(
      feasible,
      interpolated(
        LABEL_GRID,
        grid.map(({ modelLevel }) => modelLevel / 200),
      ),
    );
    expect(at(rising, 0.5, 60)).toBeGreaterThan(at(rising, 0.1, 20));
  });

  it('by the paper: one for the lightest feasible right answer, else for the heaviest feasible strategy', () => {
    const right = [
      { promptLevel: 1, modelLevel: 20 },
      { promptLevel: 0.5, modelLevel: 20 },
      { promptLevel: 0.2, modelLevel: 100 },
    ] as const;
    const rewards = lightestRightRewards(feasible, right);
    expect(at(rewards, 0.5, 20)).toBe(1);
    expect(rewards.reduce((sum, reward) => sum + reward, 0)).toBe(1);
    const none = lightestRightRewards(feasible, []);
    expect(at(none, 0.8, 60)).toBe(1);
  });
});

describe('held-out requests', () => {
  it('are every fifth of each set', () => {
    const requests = ['a', 'b'].flatMap((set) =>
      Array.from({ length: 10 }, (_, i) => labelled(set, () => 0.5, `${set}${i}`)),
    );
    const { training, heldOut } = partHeldOut(requests);
    expect(heldOut.map(({ request }) => request.id)).toEqual(['a4', 'a9', 'b4', 'b9']);
    expect(training).toHaveLength(16);
  });
});
