import { bestFeasible } from '../../../core/decide.ts';
import { WHOLE_PROMPT } from '../../../core/prompt-level.ts';
import type { Strategy, StrategyCell } from '../../../core/strategy.ts';
import { agentStrategy, cellsOf, type Situation } from '../../tlm/strategies/situation.ts';

/** Policies that take one strategy for each request and SLO. */
export const POLICIES = ['trained', 'guard-only', 'p-only', 'm-only', 'diagonal'] as const;
export type Policy = (typeof POLICIES)[number];

/** Those that are the same for every request: what the trained TLM has to beat. */
export const FIXED_POLICIES: readonly Policy[] = ['p-only', 'm-only', 'diagonal'];

export const POLICY_MEANING: Readonly<Record<Policy, string>> = {
  trained: "the decision head's proposal, else the guard's choice: what the agent runs",
  'guard-only': 'the feasible strategy of the best mean quality in the bundle, without the decision head',
  'p-only': 'the largest feasible level, then the largest prompt level that it leaves room for',
  'm-only': 'the whole prompt at the largest feasible level; no TLM is run',
  diagonal: 'prompt level = level, the largest feasible',
};

/** A policy that keeps prompts whole runs no TLM. */
export function runsTlm(policy: Policy): boolean {
  return policy !== 'm-only';
}

function heaviest(cells: readonly StrategyCell[]): StrategyCell | null {
  let best: StrategyCell | null = null;
  for (const cell of cells)
    if (
      cell.feasible &&
      (best === null ||
        cell.modelLevel > best.modelLevel ||
        (cell.modelLevel === best.modelLevel && cell.promptLevel > best.promptLevel))
    )
      best = cell;
  return best;
}

function strategyOf(cell: StrategyCell | null | undefined): Strategy {
  if (cell === null || cell === undefined) throw new RangeError('a bundle without levels');
  return { promptLevel: cell.promptLevel, modelLevel: cell.modelLevel };
}

/** What a policy runs; where nothing that it may choose is feasible, the lightest of that. */
export function policyStrategy(policy: Policy, situation: Situation): Strategy {
  if (policy === 'trained') return agentStrategy(situation);
  const cells = cellsOf(situation, runsTlm(policy));
  switch (policy) {
    case 'guard-only':
      return strategyOf(bestFeasible(cells) ?? cells[0]);
    case 'p-only':
      return strategyOf(heaviest(cells) ?? cells[0]);
    case 'm-only': {
      const whole = cells.filter(({ promptLevel }) => promptLevel === WHOLE_PROMPT);
      return strategyOf(heaviest(whole) ?? whole[0]);
    }
    case 'diagonal': {
      const equal = cells.filter(
        ({ promptLevel, modelLevel }) => Math.abs(promptLevel * 100 - modelLevel) < 1e-6,
      );
      return strategyOf(heaviest(equal) ?? equal[0] ?? cells[0]);
    }
  }
}

/** Fewer of the sampled strategies than this, and all feasible ones count. */
const ENOUGH = 4;

/**
 * The strategies that "random feasible" draws from and that the oracle looks at.
 *
 * @param sampled strategies whose outcomes are measured anyway; where fewer than four of them are feasible, all that
 *   are feasible are taken; nothing feasible: the lightest
 */
export function feasibleStrategies(situation: Situation, sampled: readonly Strategy[]): Strategy[] {
  const cells = cellsOf(situation, true);
  const feasible = cells.filter((cell) => cell.feasible);
  if (feasible.length === 0) return [strategyOf(cells[0])];
  const among = feasible.filter((cell) =>
    sampled.some(
      ({ promptLevel, modelLevel }) =>
        modelLevel === cell.modelLevel && Math.abs(promptLevel - cell.promptLevel) < 1e-6,
    ),
  );
  return (among.length >= ENOUGH ? among : feasible).map(strategyOf);
}
