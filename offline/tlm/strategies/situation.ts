import {
  decide,
  limitsOf,
  NO_CORRECTION,
  PLANNING_SLACK,
  predictStrategy,
  type DecisionInput,
} from '../../../core/decide.ts';
import { predictLatency, type LatencyProfile } from '../../../core/latency-profile.ts';
import { FULL_LEVEL, type Level } from '../../../core/level.ts';
import type { Slo } from '../../../core/slo.ts';
import type { Strategy, StrategyCell } from '../../../core/strategy.ts';
import type { StrategyQuality } from '../../../core/strategy-quality.ts';

/** A request under an SLO on a device: what every policy is told. */
export interface Situation {
  /** Levels of the bundle, ascending. */
  readonly levels: readonly Level[];
  readonly profile: LatencyProfile;
  readonly promptTokens: number;
  readonly compressibleTokens: number;
  readonly slo: Slo;
  /** The TLM's time for this prompt on the device, ms. */
  readonly tlmMs: number;
  /** What the decision head proposes. */
  readonly proposed: Strategy;
  readonly quality: StrategyQuality | null;
}

/** As the agent asks for a decision, alone on an undisturbed device. */
function inputOf(situation: Situation, withTlm: boolean): DecisionInput {
  const { tlmMs, proposed, ...known } = situation;
  return {
    ...known,
    requestedLevel: null,
    requestedPromptLevel: null,
    pinnedLevel: null,
    waitedMs: 0,
    tlm: withTlm ? { proposed, ms: tlmMs } : null,
    correction: NO_CORRECTION,
  };
}

/** What the trained TLM with the guard runs: the agent's own decision. */
export function agentStrategy(situation: Situation): Strategy {
  return decide(inputOf(situation, true)).decision.strategy;
}

/**
 * Every strategy with its prediction and whether the guard lets it pass, lightest first.
 *
 * @param withTlm false: prompts are kept whole, and no TLM is paid for
 */
export function cellsOf(situation: Situation, withTlm: boolean): readonly StrategyCell[] {
  const { grid } = decide(inputOf(situation, withTlm));
  if (grid === null) throw new RangeError('the latency profile holds no usable cell');
  return grid;
}

/** Whether both predicted latencies of a strategy lie within the SLO, the TLM's time included where it runs. */
export function keepsSlo(
  situation: Situation,
  { promptLevel, modelLevel }: Strategy,
  withTlm: boolean,
): boolean {
  const { profile, promptTokens, slo } = situation;
  const predicted = predictStrategy(inputOf(situation, withTlm), promptLevel, modelLevel);
  const limits = limitsOf(slo, predictLatency(profile, FULL_LEVEL, promptTokens));
  if (predicted === null || limits === null) return false;
  const within = (value: number, limit: number | null): boolean =>
    limit === null || value <= limit * (1 + PLANNING_SLACK);
  return within(predicted.ttftMs, limits.ttftMs) && within(predicted.tpotMs, limits.tpotMs);
}
