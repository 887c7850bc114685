import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LEVELS } from '../../core/level.ts';
import { PROMPT_LEVELS } from '../../core/prompt-level.ts';
import type { Slo } from '../../core/slo.ts';
import { feasibleStrategies, POLICIES, policyStrategy } from '../../offline/evaluation/strategies/index.ts';
import { cellsOf, keepsSlo } from '../../offline/tlm/strategies/situation.ts';
import { LABEL_GRID, strategiesOf } from '../../offline/tlm/strategies/index.ts';
import { situation } from './support/strategy-situations.ts';

const slos = fc.record({
  ttft: fc.integer({ min: 1, max: 10 }).map((n) => n / 10),
  tpot: fc.integer({ min: 1, max: 10 }).map((n) => n / 10),
});
const proposals = fc.record({
  promptLevel: fc.constantFrom(...PROMPT_LEVELS),
  modelLevel: fc.constantFrom(...LEVELS),
});

describe('policies', () => {
  it('take the strategies that their names say, on a device that follows the cost law', () => {
    const own = situation();
    expect(policyStrategy('trained', own)).toEqual({ promptLevel: 0.5, modelLevel: 60 });
    // TPOT: level <= 0.85 * 80; TTFT: kept tokens * level <= 0.85 * 240 - 8 ms of the TLM.
    expect(policyStrategy('p-only', own)).toEqual({ promptLevel: 0.8, modelLevel: 60 });
    expect(policyStrategy('m-only', own)).toEqual({ promptLevel: 1, modelLevel: 50 });
    expect(policyStrategy('diagonal', own)).toEqual({ promptLevel: 0.6, modelLevel: 60 });
  });

  it('keep to the SLO whenever they may choose a strategy that does', () => {
    fc.assert(
      fc.property(slos, proposals, (slo: Slo, proposed) => {
        const own = situation({ slo, proposed });
        const possible = cellsOf(own, true).some(({ feasible }) => feasible);
        for (const policy of ['trained', 'guard-only', 'p-only'] as const)
          expect(!possible || keepsSlo(own, policyStrategy(policy, own), true)).toBe(true);
        const whole = cellsOf(own, false).some((cell) => cell.feasible);
        expect(!whole || keepsSlo(own, policyStrategy('m-only', own), false)).toBe(true);
      }),
    );
  });

  it('fall back to their lightest strategy where nothing is feasible', () => {
    const own = situation({ slo: { ttft: 0.01, tpot: 0.01 } });
    const chosen = POLICIES.map((policy) => policyStrategy(policy, own));
    expect(chosen).toEqual([
      { promptLevel: 0.1, modelLevel: 20 },
      { promptLevel: 0.1, modelLevel: 20 },
      { promptLevel: 0.1, modelLevel: 20 },
      { promptLevel: 1, modelLevel: 20 },
      { promptLevel: 0.2, modelLevel: 20 },
    ]);
    expect(chosen.some((strategy) => keepsSlo(own, strategy, true))).toBe(false);
    expect(feasibleStrategies(own, strategiesOf(LABEL_GRID))).toEqual([{ promptLevel: 0.1, modelLevel: 20 }]);
  });

  it('guard alone: the feasible strategy of the best measured quality', () => {
    const values = PROMPT_LEVELS.map((p) => LEVELS.map((m) => (p === 0.3 && m === 40 ? 0.9 : 0.5)));
    const quality = { values, requests: 1, text: 'test' };
    expect(policyStrategy('guard-only', situation({ quality }))).toEqual({
      promptLevel: 0.3,
      modelLevel: 40,
    });
  });
});

describe('what random feasible draws from', () => {
  it('is the feasible part of the sampled strategies, or everything feasible where that is little', () => {
    const sampled = strategiesOf(LABEL_GRID);
    fc.assert(
      fc.property(slos, (slo: Slo) => {
        const own = situation({ slo });
        const drawn = feasibleStrategies(own, sampled);
        const feasible = cellsOf(own, true).filter((cell) => cell.feasible);
        if (feasible.length === 0) return;
        expect(drawn.every((strategy) => keepsSlo(own, strategy, true))).toBe(true);
        expect(drawn.length).toBeGreaterThanOrEqual(Math.min(4, feasible.length));
      }),
    );
    expect(feasibleStrategies(situation(), sampled)).toContainEqual({ promptLevel: 0.5, modelLevel: 60 });
    expect(feasibleStrategies(situation(), sampled)).not.toContainEqual({
      promptLevel: 0.6,
      modelLevel: 60,
    });
  });
});
