import { predictLatency, type LatencyProfile } from '../../../core/latency-profile.ts';
import { FULL_LEVEL, type Level } from '../../../core/level.ts';
import type { Slo } from '../../../core/slo.ts';
import type { Strategy, StrategyCell } from '../../../core/strategy.ts';
import type { StrategyQuality } from '../../../core/strategy-quality.ts';
import { compressibleTokensOf, type CompressiblePrompt } from '../../../core/compress-prompt.ts';
import { agentStrategy, cellsOf, type Situation } from '../strategies/situation.ts';

/** The device by whose profile strategies are called feasible in training. */
export interface DecisionDevice {
  /** Levels of the bundle, ascending. */
  readonly levels: readonly Level[];
  readonly profile: LatencyProfile;
  /** Share of the full model's TTFT that the TLM takes. */
  readonly tlmShare: number;
}

function situationOf(
  { levels, profile, tlmShare }: DecisionDevice,
  { tokens, words }: CompressiblePrompt,
  slo: Slo,
  proposed: Strategy,
  quality: StrategyQuality | null,
): Situation {
  const full = predictLatency(profile, FULL_LEVEL, tokens.length);
  return {
    levels,
    profile,
    promptTokens: tokens.length,
    compressibleTokens: compressibleTokensOf(words),
    slo,
    tlmMs: tlmShare * (full?.ttftMs ?? 0),
    proposed,
    quality,
  };
}

const ANY: Strategy = { promptLevel: 1, modelLevel: FULL_LEVEL };

/** Strategies that the guard lets pass, lightest first. */
export function feasibleCells(device: DecisionDevice, prompt: CompressiblePrompt, slo: Slo): StrategyCell[] {
  return cellsOf(situationOf(device, prompt, slo, ANY, null), true).filter(({ feasible }) => feasible);
}

/** What is run when the decision head proposes this: the guard has the last word. */
export function guarded(
  device: DecisionDevice,
  prompt: CompressiblePrompt,
  slo: Slo,
  proposed: Strategy,
  quality: StrategyQuality,
): Strategy {
  return agentStrategy(situationOf(device, prompt, slo, proposed, quality));
}
