import { compressibleTokensOf } from '../../../core/compress-prompt.ts';
import type { LatencyProfile } from '../../../core/latency-profile.ts';
import { predictLatency } from '../../../core/latency-profile.ts';
import { FULL_LEVEL, type Level } from '../../../core/level.ts';
import type { Slo } from '../../../core/slo.ts';
import type { Strategy } from '../../../core/strategy.ts';
import type { StrategyQuality } from '../../../core/strategy-quality.ts';
import { proposedStrategy } from '../../../core/tlm.ts';
import type { StrategyRequest } from '../../tlm/requests/strategy-request.ts';
import type { Outcome } from '../../tlm/strategies/choice-values.ts';
import { feasibleStrategies, POLICIES, policyStrategy, runsTlm, type Policy } from './policies.ts';
import { keepsSlo, type Situation } from '../../tlm/strategies/situation.ts';

/** What the TLM says of a prompt. */
export interface TlmAdvice {
  /** By word index. */
  readonly wordScores: ArrayLike<number>;
  /** [PROMPT_LEVELS] */
  readonly promptLogits: ArrayLike<number>;
  /** [LEVELS] */
  readonly levelLogits: ArrayLike<number>;
}

export interface TlmQuestion {
  readonly tokens: readonly number[];
  readonly words: Int32Array;
  readonly ratios: { readonly ttft: number | null; readonly tpot: number | null };
}

/** A way to choose words other than the score head; scores by word index. */
export interface OtherSelector {
  readonly name: string;
  readonly scores: (request: StrategyRequest) => Promise<ArrayLike<number>>;
}

/** What judging needs, so that tests can do without models. */
export interface JudgeMeans {
  readonly levels: readonly Level[];
  readonly profile: LatencyProfile;
  readonly quality: StrategyQuality | null;
  readonly ask: (question: TlmQuestion) => Promise<TlmAdvice>;
  /** Share of the full model's TTFT that the TLM takes at a prompt length. */
  readonly tlmShare: (promptTokens: number) => number;
  readonly outcome: (
    request: StrategyRequest,
    scores: ArrayLike<number>,
    strategy: Strategy,
  ) => Promise<Outcome>;
  readonly selectors: readonly OtherSelector[];
  /** Strategies that are measured for every request. */
  readonly sampled: readonly Strategy[];
}

/** What a strategy came to on one request. */
export interface JudgedStrategy extends Outcome {
  readonly strategy: Strategy;
  /** Both predicted latencies within the SLO. */
  readonly kept: boolean;
}

/** One request under one SLO. */
export interface Judgement {
  readonly request: string;
  readonly set: string;
  readonly policies: Readonly<Record<Policy, JudgedStrategy>>;
  /** The trained decision, words chosen otherwise; by selector. */
  readonly selectors: Readonly<Record<string, JudgedStrategy>>;
  /** What random draws from; see `feasibleStrategies`. */
  readonly feasible: readonly JudgedStrategy[];
  /** By the decision head. */
  readonly proposed: Strategy;
}

/**
 * Runs what every policy chooses for a request under an SLO. What is feasible is judged by the profile, the TLM's time
 * included; what is run twice is measured once (`OutcomeStore`).
 */
export async function judgeRequest(
  request: StrategyRequest,
  slo: Slo,
  means: JudgeMeans,
  signal?: AbortSignal,
): Promise<Judgement> {
  const { tokens, words } = request.prompt;
  const { levels, profile, quality } = means;
  const ratios = { ttft: slo.ttft ?? null, tpot: slo.tpot ?? null };
  const advice = await means.ask({ tokens, words, ratios });
  const full = predictLatency(profile, FULL_LEVEL, tokens.length);
  const situation: Situation = {
    levels,
    profile,
    quality,
    slo,
    promptTokens: tokens.length,
    compressibleTokens: compressibleTokensOf(words),
    tlmMs: means.tlmShare(tokens.length) * (full?.ttftMs ?? 0),
    proposed: proposedStrategy(advice.promptLogits, advice.levelLogits, levels),
  };
  const run = async (strategy: Strategy, scores = advice.wordScores): Promise<Outcome> => {
    signal?.throwIfAborted();
    return means.outcome(request, scores, strategy);
  };
  const policies: Partial<Record<Policy, JudgedStrategy>> = {};
  for (const policy of POLICIES) {
    const strategy = policyStrategy(policy, situation);
    const kept = keepsSlo(situation, strategy, runsTlm(policy));
    policies[policy] = { strategy, kept, ...(await run(strategy)) };
  }
  const judged = policies as Record<Policy, JudgedStrategy>;
  const selectors: Record<string, JudgedStrategy> = {};
  const { strategy, kept } = judged.trained;
  for (const { name, scores } of means.selectors)
    selectors[name] = { strategy, kept, ...(await run(strategy, await scores(request))) };
  // The same words for every SLO: what is sampled is measured once.
  const { wordScores } = await means.ask({ tokens, words, ratios: { ttft: null, tpot: null } });
  const feasible: JudgedStrategy[] = [];
  for (const each of feasibleStrategies(situation, means.sampled))
    feasible.push({
      strategy: each,
      kept: keepsSlo(situation, each, true),
      ...(await run(each, wordScores)),
    });
  return {
    request: request.id,
    set: request.set,
    policies: judged,
    selectors,
    feasible,
    proposed: situation.proposed,
  };
}
