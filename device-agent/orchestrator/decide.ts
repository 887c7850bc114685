import { FULL_LEVEL, type Level } from '../../core/level.ts';
import { predictLatency, type LatencyProfile, type PredictedLatency } from '../../core/latency-profile.ts';
import { sloLimits, type Slo, type SloLimits } from '../../core/slo.ts';
import type { DecidedBy, Decision } from '../../core/strategy.ts';

export interface DecisionInput {
  /** Levels of the bundle, ascending. */
  readonly levels: readonly Level[];
  readonly profile: LatencyProfile | null;
  readonly promptTokens: number;
  readonly slo: Slo | null;
  /** Level that the request asks for by name. */
  readonly requestedLevel: Level | null;
  readonly pinnedLevel: Level | null;
  /** Time since the request's arrival, ms: TTFT contains it. */
  readonly waitedMs: number;
}

/**
 * Share of a bound within which a prediction still counts as feasible. Ratios compare p90 with p90 of the
 * same profile, so <1, 1> equals the full level's prediction to the digit; without some slack, handing the
 * request over (about 1 ms) would already exclude it.
 */
export const PLANNING_SLACK = 0.02;
/**
 * Share of a bound that is left free when a level between the lowest and the highest is chosen: a request that
 * comes after a pause takes 10 to 30 % longer than the profile's runs (docs/decisions/0012).
 */
export const HEADROOM = 0.15;
/** Waiting that every request has, ms: parsing and handing over; not counted against a bound. */
const HAND_OVER_MS = 2;

/**
 * Chooses the strategy of a request (pure). In this order: the pinned level, the level that the request
 * names, the largest level whose predicted TTFT (waiting so far included) and TPOT keep the SLO with headroom,
 * full level without SLO. Prompts are kept whole. Without a profile ratios use the cost law of the paper (§3.1: TTFT
 * grows with p * m, TPOT with m) and milliseconds cannot be judged. Nothing feasible: the lowest level.
 */
export function decide(input: DecisionInput): Decision {
  const { profile, slo, promptTokens } = input;
  const predict = (level: Level): PredictedLatency | null =>
    profile === null ? null : predictLatency(profile, level, promptTokens);
  const reference = predict(FULL_LEVEL);
  const limits = slo === null ? null : limitsOf(slo, reference);
  const keeps = (level: Level, share = 1 + PLANNING_SLACK): boolean | null => {
    const predicted = predict(level);
    return limits === null || predicted === null
      ? null
      : withinLimits(predicted, limits, input.waitedMs, share);
  };
  const chosen = choose(input, keeps);
  return {
    strategy: { promptLevel: 1, modelLevel: chosen.level },
    decidedBy: chosen.by,
    feasible: keeps(chosen.level),
    slo,
    limits,
    reference,
    predicted: predict(chosen.level),
  };
}

function choose(
  input: DecisionInput,
  keeps: (level: Level, share?: number) => boolean | null,
): { readonly level: Level; readonly by: DecidedBy } {
  const { levels, slo } = input;
  const lowest = levels[0] ?? FULL_LEVEL;
  const highest = levels.at(-1) ?? FULL_LEVEL;
  if (input.pinnedLevel !== null) return { level: input.pinnedLevel, by: 'pinned' };
  if (input.requestedLevel !== null) return { level: input.requestedLevel, by: 'request' };
  if (slo === null || isUnbounded(slo)) return { level: highest, by: 'no-slo' };
  if (keeps(highest) === null) {
    const ratio = Math.min(slo.ttft ?? 1, slo.tpot ?? 1);
    const level = levels.findLast((candidate) => candidate <= ratio * 100 + 1e-9) ?? lowest;
    return { level, by: 'no-profile' };
  }
  const level = levels.findLast((candidate) => {
    const isBetween = candidate !== lowest && candidate !== highest;
    return keeps(candidate, isBetween ? 1 - HEADROOM : undefined) === true;
  });
  return level === undefined ? { level: lowest, by: 'nothing-feasible' } : { level, by: 'profile' };
}

function isUnbounded(slo: Slo): boolean {
  return [slo.ttft, slo.tpot, slo.ttftMs, slo.tpotMs].every((bound) => bound === undefined);
}

/** Limits in ms; null while a ratio has nothing to refer to. */
export function limitsOf(slo: Slo, reference: PredictedLatency | null): SloLimits | null {
  if (reference !== null) return sloLimits(slo, reference);
  if (slo.ttft !== undefined || slo.tpot !== undefined) return null;
  return { ttftMs: slo.ttftMs ?? null, tpotMs: slo.tpotMs ?? null };
}

/** @param share of each bound that the prediction may take. */
function withinLimits(
  predicted: PredictedLatency,
  limits: SloLimits,
  waitedMs: number,
  share: number,
): boolean {
  const within = (value: number, limit: number | null): boolean => limit === null || value <= limit * share;
  const waiting = Math.max(0, waitedMs - HAND_OVER_MS);
  return within(predicted.ttftMs + waiting, limits.ttftMs) && within(predicted.tpotMs, limits.tpotMs);
}
