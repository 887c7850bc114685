import { APPS } from '../../../core/app.ts';
import { LEVELS } from '../../../core/level.ts';
import { PROMPT_LEVELS } from '../../../core/prompt-level.ts';
import type { Slo } from '../../../core/slo.ts';
import type { Strategy, StrategyCell } from '../../../core/strategy.ts';
import { tlmInputs, type TlmConfig } from '../../../core/tlm.ts';
import type { StrategyTable } from '../strategies/strategy-table.ts';
import type { DecisionExample } from '../tlm-task.ts';
import { feasibleCells, type DecisionDevice } from './decision-device.ts';
import { rightStrategies, shrunkTables, type LabelledRequest, type LabelRule } from './labelled-request.ts';

/** SLOs of a request in training: those of the six apps (paper Table 3) and as many random ones on the grid of 0.1. */
export function trainingSlos(random: () => number): Slo[] {
  const step = (least: number): number => (least + Math.floor(random() * (11 - least))) / 10;
  return APPS.flatMap(({ slo }) => [slo, { ttft: step(2), tpot: step(3) }]);
}

/**
 * What the full level is taken to be worth above one that keeps nothing, besides what was measured: a few dozen
 * requests do not tell levels apart, held-out text does, and new tasks lose more with a cut level than those that it
 * was recovered on.
 */
const LEVEL_PRIOR = 0.12;
/** A strategy that is worth so much less than the best has 1/e of its share of a soft label. */
const LABEL_WIDTH = 0.015;
/** How much a difference of probability counts against being feasible at all. */
const GAIN = 8;
/** What the heaviest strategy gives away to one that costs nothing: among equals the lighter one wins. */
const COST = 0.05;

function costOf({ promptLevel, modelLevel }: Strategy): number {
  return (promptLevel * modelLevel) / 100;
}

function place({ promptLevel, modelLevel }: Strategy): number {
  const row = PROMPT_LEVELS.findIndex((level) => Math.abs(level - promptLevel) < 1e-6);
  return row * LEVELS.length + LEVELS.indexOf(modelLevel);
}

function worthOf(table: StrategyTable, cell: Strategy): number {
  const at = place(cell);
  const measured = table[Math.floor(at / LEVELS.length)]?.[at % LEVELS.length] ?? 0;
  return measured + (LEVEL_PRIOR * cell.modelLevel) / 100;
}

/** Shares of the feasible strategies in a soft label, [PROMPT_LEVELS][LEVELS]; the best has 1 before normalising. */
export function softLabel(cells: readonly StrategyCell[], table: StrategyTable): Float32Array {
  const label = new Float32Array(PROMPT_LEVELS.length * LEVELS.length);
  const net = (cell: StrategyCell): number => worthOf(table, cell) - (COST / GAIN) * costOf(cell);
  const best = Math.max(...cells.map(net));
  for (const cell of cells) label[place(cell)] = Math.exp((net(cell) - best) / LABEL_WIDTH);
  return label;
}

/** Rewards [PROMPT_LEVELS][LEVELS]: 0 where infeasible, about 1 and linear in the table's value elsewhere. */
export function shrunkRewards(cells: readonly StrategyCell[], table: StrategyTable): Float32Array {
  const rewards = new Float32Array(PROMPT_LEVELS.length * LEVELS.length);
  const mean = cells.reduce((sum, cell) => sum + worthOf(table, cell), 0) / Math.max(1, cells.length);
  for (const cell of cells) {
    rewards[place(cell)] = Math.max(0.02, 1 + GAIN * (worthOf(table, cell) - mean) - COST * costOf(cell));
  }
  return rewards;
}

/** 1 for the lightest feasible strategy whose answer was right (paper §4.4); none: the heaviest feasible one. */
export function lightestRightRewards(
  cells: readonly StrategyCell[],
  right: readonly Strategy[],
): Float32Array {
  const rewards = new Float32Array(PROMPT_LEVELS.length * LEVELS.length);
  const isRight = (cell: StrategyCell): boolean => right.some((strategy) => place(strategy) === place(cell));
  const ascending = [...cells].sort((a, b) => costOf(a) - costOf(b));
  const label = ascending.find(isRight) ?? ascending.at(-1);
  if (label !== undefined) rewards[place(label)] = 1;
  return rewards;
}

/** Training examples of labelled requests; a request under an SLO that nothing keeps is left out. */
export function decisionExamples(
  config: TlmConfig,
  labelled: readonly LabelledRequest[],
  rule: LabelRule,
  device: DecisionDevice,
  random: () => number,
): DecisionExample[] {
  const tables = rule.kind === 'lightest-right' ? null : shrunkTables(labelled, rule);
  const rewardsOf = (own: LabelledRequest, cells: readonly StrategyCell[], i: number): Float32Array => {
    if (tables === null) return lightestRightRewards(cells, rightStrategies(own));
    return (rule.kind === 'reward' ? shrunkRewards : softLabel)(cells, tables[i] ?? []);
  };
  return labelled.flatMap((own, i) =>
    trainingSlos(random).flatMap((slo): DecisionExample[] => {
      const { prompt } = own.request;
      const cells = feasibleCells(device, prompt, slo);
      if (cells.length === 0) return [];
      const ratios = { ttft: slo.ttft ?? null, tpot: slo.tpot ?? null };
      return [
        {
          inputs: tlmInputs(config, prompt.tokens, prompt.words, ratios),
          rewards: rewardsOf(own, cells, i),
        },
      ];
    }),
  );
}
