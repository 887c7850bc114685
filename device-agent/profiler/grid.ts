import { median } from '../../core/statistics.ts';
import { seededRandom, shuffled } from '../../core/random.ts';
import type { Level } from '../../core/level.ts';

/** One combination to measure. */
export interface Cell {
  readonly level: Level;
  readonly promptTokens: number;
  readonly threads: number;
}

export interface ProfilePlan {
  readonly mode: 'quick' | 'full';
  readonly cells: readonly Cell[];
  /** Timed runs per cell. */
  readonly samples: number;
  readonly decodeTokens: number;
}

/** The shortest is about what the TLM leaves of a prompt at a tight SLO. */
const PROMPT_TOKENS = { quick: [32, 256, 512], full: [32, 128, 256, 512, 1024, 2048] } as const;
const DECODE_TOKENS = { quick: 12, full: 24 } as const;
const SAMPLES = { quick: 4, full: 5 } as const;

/**
 * The level x prompt length x threads grid. `quick` measures three levels, enough to serve by within
 * seconds; predictions interpolate between cells. Lengths that leave no room in the context are left out;
 * a context shorter than all of them gets half and all of what it holds.
 */
export function planProfile(
  mode: 'quick' | 'full',
  levels: readonly Level[],
  threads: readonly number[],
  contextLength: number,
): ProfilePlan {
  const decodeTokens = Math.min(DECODE_TOKENS[mode], Math.max(2, Math.floor(contextLength / 4)));
  const room = contextLength - decodeTokens;
  const fitting = PROMPT_TOKENS[mode].filter((tokens) => tokens <= room);
  const lengths = fitting.length > 0 ? fitting : [Math.max(1, room >> 1), Math.max(1, room)];
  const chosen = mode === 'full' ? levels : spread(levels);
  return {
    mode,
    samples: SAMPLES[mode],
    decodeTokens,
    cells: threads.flatMap((count) =>
      chosen.flatMap((level) => lengths.map((promptTokens) => ({ level, promptTokens, threads: count }))),
    ),
  };
}

/** Lowest, middle and highest level. */
function spread(levels: readonly Level[]): Level[] {
  const picks = [levels[0], levels[levels.length >> 1], levels.at(-1)];
  return [...new Set(picks.filter((level) => level !== undefined))];
}

/** About how long the timed runs of a `quick` profile may take, ms: somebody waits for it. */
const QUICK_MS = 40_000;
/** Below this nothing is known of a cell's spread. */
const LEAST_SAMPLES = 2;

/**
 * What is run before anything is timed, short before long: the full level's cells, of a `full` profile the two longest.
 */
export function warmUpCells({ mode, cells }: ProfilePlan, threads: number): Cell[] {
  const level = cells.reduce((highest, cell) => Math.max(highest, cell.level), 0);
  const own = cells.filter((cell) => cell.threads === threads && cell.level === level);
  return mode === 'quick' ? own : own.slice(-2);
}

/**
 * A `quick` plan for a device as slow as the runs so far tell: fewer runs per cell, and without the longest prompts
 * where even the fewest take too long (predictions go on along the last slope). Any other plan as it is.
 */
export function shortened(
  plan: ProfilePlan,
  runs: readonly { readonly cell: Cell; readonly ms: number }[],
): ProfilePlan {
  const roundMs = estimateRemainingMs(runs, plan.cells, plan.decodeTokens);
  if (plan.mode !== 'quick' || roundMs === null) return plan;
  const rounds = Math.floor(QUICK_MS / roundMs);
  const longest = Math.max(...plan.cells.map(({ promptTokens }) => promptTokens));
  const shorter = plan.cells.filter(({ promptTokens }) => promptTokens < longest);
  return {
    ...plan,
    cells: rounds < LEAST_SAMPLES && shorter.length > 0 ? shorter : plan.cells,
    samples: Math.min(plan.samples, Math.max(LEAST_SAMPLES, rounds)),
  };
}

/** Every cell once per round, each round in an order of its own: drift spreads over all cells. */
export function measurementOrder(plan: ProfilePlan): Cell[] {
  const random = seededRandom(plan.cells.length);
  return Array.from({ length: plan.samples }, () => shuffled(plan.cells, random)).flat();
}

/**
 * Time left, ms, from the runs so far. Runs differ in length, so each counts by a cost guess (prompt tokens
 * times level plus decoding); null before the first.
 */
export function estimateRemainingMs(
  done: readonly { readonly cell: Cell; readonly ms: number }[],
  remaining: readonly Cell[],
  decodeTokens: number,
): number | null {
  if (done.length === 0) return null;
  const cost = ({ promptTokens, level }: Cell): number => promptTokens * level + decodeTokens * 2_000;
  const msPerCost = median(done.map(({ cell, ms }) => ms / cost(cell)));
  return remaining.reduce((sum, cell) => sum + cost(cell) * msPerCost, 0);
}
