import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Strategy } from '../../core/strategy.ts';
import {
  hindsightValue,
  oracleValue,
  POLICIES,
  randomValue,
  summarizeStrategies,
  type JudgedStrategy,
  type Judgement,
  type Policy,
} from '../../offline/evaluation/strategies/index.ts';

const judged = (
  right: boolean,
  strategy: Strategy = { promptLevel: 0.5, modelLevel: 40 },
  kept = true,
): JudgedStrategy => ({
  right,
  probability: right ? 0.7 : 0.2,
  logProbability: right ? -1 : -3,
  strategy,
  kept,
});

function judgement(
  id: string,
  set: string,
  feasible: readonly JudgedStrategy[],
  trained = judged(true),
): Judgement {
  const policies = Object.fromEntries(POLICIES.map((policy) => [policy, judged(false)]));
  return {
    request: id,
    set,
    policies: { ...(policies as Record<Policy, JudgedStrategy>), trained },
    selectors: { random: judged(false) },
    feasible,
    proposed: { promptLevel: 0.5, modelLevel: 40 },
  };
}

const levels = [20, 40, 60] as const;
const judgedStrategy = fc
  .record({ right: fc.boolean(), modelLevel: fc.constantFrom(...levels) })
  .map(({ right, modelLevel }) => judged(right, { promptLevel: 1, modelLevel }));
const judgements = fc
  .array(fc.tuple(fc.constantFrom('a', 'b'), fc.array(judgedStrategy, { minLength: 1 }), judgedStrategy), {
    minLength: 1,
    maxLength: 8,
  })
  .map((all) => all.map(([set, feasible, trained], i) => judgement(`r${i}`, set, feasible, trained)));

describe('contenders', () => {
  it('random feasible is the mean over what is feasible, not a draw', () => {
    const own = judgement('r', 'a', [judged(true), judged(false), judged(false), judged(false)]);
    expect(randomValue(own)).toEqual({
      accuracy: 0.25,
      probability: expect.closeTo(0.325),
      logProbability: -2.5,
      kept: 1,
      goodput: 0.25,
    });
  });

  it('nothing is ever better than the oracle', () => {
    fc.assert(
      fc.property(judgements, (all) => {
        const { average, perSlo } = summarizeStrategies([all, all]);
        for (const figures of [average, ...perSlo])
          for (const own of Object.values(figures))
            expect(own.accuracy).toBeLessThanOrEqual((figures['oracle']?.accuracy ?? 0) + 1e-12);
      }),
    );
  });

  it('a strategy that misses its SLO is not for the oracle', () => {
    const own = judgement('r', 'a', [judged(false)], judged(true, undefined, false));
    expect(oracleValue(own).accuracy).toBe(0);
  });

  it('hindsight chooses by the other requests of the set, never by the one it is judged on', () => {
    const at = (right: boolean, modelLevel: 20 | 40): JudgedStrategy =>
      judged(right, { promptLevel: 1, modelLevel });
    const own = judgement('own', 'a', [at(true, 20), at(false, 40)]);
    const other = judgement('other', 'a', [at(false, 20), at(true, 40)]);
    expect(hindsightValue(own, [own, other]).accuracy).toBe(0);
    expect(hindsightValue(own, [own]).accuracy).toBe(0.5);
  });
});

describe('summary', () => {
  it('compares with the best fixed policy by what is right within the SLO', () => {
    const own = judgement('r', 'a', [judged(true), judged(false)]);
    const missed = {
      ...own,
      policies: { ...own.policies, 'm-only': judged(true, undefined, false), diagonal: judged(true) },
    };
    const summary = summarizeStrategies([[missed], [own]]);
    expect(summary.bestFixed).toMatchObject({ policy: 'diagonal', aheadBy: 0.5 });
    expect(summary.average['m-only']).toMatchObject({
      accuracy: 0.5,
      attainment: 0.5,
      accuracyWithinSlo: 0,
    });
    expect(summary.gapClosed.toOracle).toBe(1);
    expect(summary.perSet['a']?.requests).toBe(1);
  });
});
