import { FULL_LEVEL, type Level } from './level.ts';
import { predictLatency, type LatencyProfile, type PredictedLatency } from './latency-profile.ts';
import { keptTokens, PROMPT_LEVELS, WHOLE_PROMPT } from './prompt-level.ts';
import { sloLimits, type Slo, type SloLimits } from './slo.ts';
import { qualityOf, type StrategyQuality } from './strategy-quality.ts';
import type { DecidedBy, Decision, LatencyCorrection, Strategy, StrategyCell } from './strategy.ts';

export interface DecisionInput {
  /** Levels of the bundle, ascending. */
  readonly levels: readonly Level[];
  readonly profile: LatencyProfile | null;
  readonly promptTokens: number;
  /** Tokens of the prompt that may be dropped; 0 = none. */
  readonly compressibleTokens: number;
  readonly slo: Slo | null;
  /** Level that the request asks for by name. */
  readonly requestedLevel: Level | null;
  /** Prompt level that the request asks for; counts only together with a TLM. */
  readonly requestedPromptLevel: number | null;
  readonly pinnedLevel: Level | null;
  /** Arrival -> start of service, ms: TTFT contains it. */
  readonly waitedMs: number;
  /** What the decision head proposes, and the TLM's time for it; null = no TLM: prompts are kept whole. */
  readonly tlm: { readonly proposed: Strategy; readonly ms: number } | null;
  /** What strategies are worth; null = not measured: the largest level counts as the best. */
  readonly quality: StrategyQuality | null;
  /** Measured over predicted latency of late; predictions are multiplied by it. */
  readonly correction: LatencyCorrection;
}

export const NO_CORRECTION: LatencyCorrection = { ttft: 1, tpot: 1 };

/**
 * Share of a bound within which a prediction still counts as feasible. Ratios compare p90 with p90 of the
 * same profile, so <1, 1> equals the full level's prediction to the digit; without some slack, handing the
 * request over (about 1 ms) would already exclude it.
 */
export const PLANNING_SLACK = 0.02;
/**
 * Share of a bound that is left free when a strategy between the lightest and the heaviest is chosen: predictions are
 * p90, so one request in ten takes longer, and one that comes after a pause 10 to 30 % (docs/decisions/0012). TPOT is
 * the level's alone: there the lowest and the highest level have none.
 */
export const HEADROOM = 0.15;
/** Waiting that every request has, ms: parsing and handing over; not counted against a bound. */
const HAND_OVER_MS = 2;

/**
 * Chooses the strategy of a request (pure). In this order: the pinned level; what the request names; the decision
 * head's proposal where the device's profile says that it keeps the SLO (waiting so far included); else, as the guard
 * of paper §3.3 but not at random, the feasible strategy of the best measured quality. Without SLO the full model;
 * nothing feasible: the lightest. Without a profile ratios use the cost law of the paper (§3.1: TTFT grows
 * with p * m, TPOT with m) and milliseconds cannot be judged.
 */
export function decide(input: DecisionInput): {
  readonly decision: Decision;
  /** Every strategy of this request; null without SLO or profile. */
  readonly grid: StrategyCell[] | null;
} {
  const { profile, slo, promptTokens, tlm } = input;
  const reference = profile === null ? null : predictLatency(profile, FULL_LEVEL, promptTokens);
  const limits = slo === null ? null : limitsOf(slo, reference);
  const grid = limits === null ? null : strategyGrid(input, limits);
  const chosen = choose(input, grid);
  const { promptLevel, modelLevel } = chosen.strategy;
  const predicted = predictStrategy(input, promptLevel, modelLevel);
  const decision: Decision = {
    strategy: chosen.strategy,
    decidedBy: chosen.by,
    feasible:
      limits === null || predicted === null
        ? null
        : withinLimits(predicted, limits, input.waitedMs, {
            ttft: 1 + PLANNING_SLACK,
            tpot: 1 + PLANNING_SLACK,
          }),
    slo,
    limits,
    reference,
    predicted,
    promptTokens,
    keptTokens: keptTokens(promptTokens, input.compressibleTokens, promptLevel),
    tlm,
    correction: input.correction,
  };
  return { decision, grid };
}

/** Service latencies of a strategy on this device, TLM included, waiting excluded; null without profile. */
export function predictStrategy(
  { profile, promptTokens, compressibleTokens, correction, tlm }: DecisionInput,
  promptLevel: number,
  modelLevel: Level,
): PredictedLatency | null {
  if (profile === null) return null;
  const predicted = predictLatency(
    profile,
    modelLevel,
    keptTokens(promptTokens, compressibleTokens, promptLevel),
  );
  if (predicted === null) return null;
  return {
    ttftMs: predicted.ttftMs * correction.ttft + (tlm?.ms ?? 0),
    tpotMs: predicted.tpotMs * correction.tpot,
  };
}

/** Every strategy that could be run, lightest prompt level and level first; null without profile. */
function strategyGrid(input: DecisionInput, limits: SloLimits): StrategyCell[] | null {
  const { levels, quality, tlm } = input;
  const promptLevels = tlm === null || input.compressibleTokens === 0 ? [WHOLE_PROMPT] : PROMPT_LEVELS;
  const cells: StrategyCell[] = [];
  for (const promptLevel of promptLevels)
    for (const modelLevel of levels) {
      const predicted = predictStrategy(input, promptLevel, modelLevel);
      if (predicted === null) return null;
      // TPOT is the level's alone: with the last level it is what the bound refers to, whatever is kept of the prompt.
      const lowest = modelLevel === levels[0];
      const highest = modelLevel === levels.at(-1);
      const outermost =
        (lowest && promptLevel === promptLevels[0]) || (highest && promptLevel === WHOLE_PROMPT);
      const share: BoundShares = {
        ttft: outermost ? 1 + PLANNING_SLACK : 1 - HEADROOM,
        tpot: lowest || highest ? 1 + PLANNING_SLACK : 1 - HEADROOM,
      };
      cells.push({
        promptLevel,
        modelLevel,
        ...predicted,
        quality: quality === null ? null : qualityOf(quality, promptLevel, modelLevel),
        feasible: withinLimits(predicted, limits, input.waitedMs, share),
      });
    }
  return cells;
}

function choose(
  input: DecisionInput,
  grid: readonly StrategyCell[] | null,
): { readonly strategy: Strategy; readonly by: DecidedBy } {
  const { levels, slo, tlm } = input;
  const lowest = levels[0] ?? FULL_LEVEL;
  const highest = levels.at(-1) ?? FULL_LEVEL;
  const asked = tlm === null ? WHOLE_PROMPT : (input.requestedPromptLevel ?? WHOLE_PROMPT);
  const whole = (
    modelLevel: Level,
    by: DecidedBy,
    promptLevel: number = WHOLE_PROMPT,
  ): ReturnType<typeof choose> => ({
    strategy: { promptLevel, modelLevel },
    by,
  });
  if (input.pinnedLevel !== null) return whole(input.pinnedLevel, 'pinned', asked);
  if (input.requestedLevel !== null) return whole(input.requestedLevel, 'request', asked);
  if (input.requestedPromptLevel !== null && tlm !== null) return whole(highest, 'request', asked);
  if (slo === null || isUnbounded(slo)) return whole(highest, 'no-slo');
  if (grid === null) {
    const ratio = Math.min(slo.ttft ?? 1, slo.tpot ?? 1);
    return whole(levels.findLast((level) => level <= ratio * 100 + 1e-9) ?? lowest, 'no-profile');
  }
  const proposed = grid.find((cell) => isSame(cell, tlm?.proposed ?? null));
  if (proposed?.feasible === true) return { strategy: strategyOf(proposed), by: 'tlm' };
  const best = bestFeasible(grid);
  if (best !== null) return { strategy: strategyOf(best), by: tlm === null ? 'profile' : 'guard' };
  const [lightest] = grid;
  return lightest === undefined
    ? whole(lowest, 'nothing-feasible')
    : { strategy: strategyOf(lightest), by: 'nothing-feasible' };
}

/** Of the feasible strategies the one of the best measured quality; of equals the heavier level and prompt. */
export function bestFeasible(grid: readonly StrategyCell[]): StrategyCell | null {
  let best: StrategyCell | null = null;
  for (const cell of grid) {
    if (!cell.feasible) continue;
    if (best === null || worth(cell) >= worth(best)) best = cell;
  }
  return best;
}

/** Without measured quality the level decides, then the prompt level. */
function worth({ quality, modelLevel, promptLevel }: StrategyCell): number {
  return quality ?? modelLevel + promptLevel;
}

function strategyOf({ promptLevel, modelLevel }: StrategyCell): Strategy {
  return { promptLevel, modelLevel };
}

function isSame(cell: StrategyCell, strategy: Strategy | null): boolean {
  return (
    strategy !== null &&
    cell.modelLevel === strategy.modelLevel &&
    Math.abs(cell.promptLevel - strategy.promptLevel) < 1e-6
  );
}

/** Whether an SLO names no bound at all. */
export function isUnbounded(slo: Slo): boolean {
  return [slo.ttft, slo.tpot, slo.ttftMs, slo.tpotMs].every((bound) => bound === undefined);
}

/** Limits in ms; null while a ratio has nothing to refer to. */
export function limitsOf(slo: Slo, reference: PredictedLatency | null): SloLimits | null {
  if (reference !== null) return sloLimits(slo, reference);
  if (slo.ttft !== undefined || slo.tpot !== undefined) return null;
  return { ttftMs: slo.ttftMs ?? null, tpotMs: slo.tpotMs ?? null };
}

/** The SLO as the TLM is told it: ratios of the full model's latency; null = not bounded, or nothing to refer to. */
export function sloRatios(
  slo: Slo,
  reference: PredictedLatency | null,
): { readonly ttft: number | null; readonly tpot: number | null } {
  const ratio = (own: number | undefined, ms: number | undefined, full: number | undefined): number | null =>
    own ?? (ms === undefined || full === undefined ? null : ms / full);
  return {
    ttft: ratio(slo.ttft, slo.ttftMs, reference?.ttftMs),
    tpot: ratio(slo.tpot, slo.tpotMs, reference?.tpotMs),
  };
}

/** Share of each bound that a prediction may take. */
interface BoundShares {
  readonly ttft: number;
  readonly tpot: number;
}

function withinLimits(
  predicted: PredictedLatency,
  limits: SloLimits,
  waitedMs: number,
  share: BoundShares,
): boolean {
  const within = (value: number, limit: number | null, most: number): boolean =>
    limit === null || value <= limit * most;
  const waiting = Math.max(0, waitedMs - HAND_OVER_MS);
  return (
    within(predicted.ttftMs + waiting, limits.ttftMs, share.ttft) &&
    within(predicted.tpotMs, limits.tpotMs, share.tpot)
  );
}
