import { compressibleTokensOf } from '../../core/compress-prompt.ts';
import { isUnbounded, sloRatios } from '../../core/decide.ts';
import { FULL_LEVEL, type Level } from '../../core/level.ts';
import { predictLatency, type LatencyProfile } from '../../core/latency-profile.ts';
import { WHOLE_PROMPT } from '../../core/prompt-level.ts';
import type { Strategy } from '../../core/strategy.ts';
import { proposedStrategy } from '../../core/tlm.ts';
import type { EngineHost } from '../host/engine-host.ts';
import type { AgentRequest } from './request.ts';

/** What the TLM made of a request. */
export interface TlmAdvice {
  readonly proposed: Strategy;
  /** From the first look at the prompt to the answer. */
  readonly ms: number;
  /** As of `CompressiblePrompt`. */
  readonly words: Int32Array;
  /** By word index. */
  readonly wordScores: Float32Array;
}

/** Asks the TLM where its answer matters. Its failure costs the advice only and is logged once. */
export class TlmAdviser {
  readonly #host: Pick<EngineHost, 'hasTlm' | 'askTlm'>;
  readonly #levels: readonly Level[];
  readonly #log: (line: string) => void;
  #failureTold = false;

  constructor(
    host: Pick<EngineHost, 'hasTlm' | 'askTlm'>,
    levels: readonly Level[],
    log: (line: string) => void,
  ) {
    this.#host = host;
    this.#levels = levels;
    this.#log = log;
  }

  /** null: not asked (no TLM, nothing to decide or compress), or it failed. */
  async advise(
    request: AgentRequest,
    profile: LatencyProfile | null,
    pinnedLevel: Level | null,
  ): Promise<TlmAdvice | null> {
    const { promptTokens, slo } = request;
    if (!this.#host.hasTlm || request.words === null || !isWanted(request, profile, pinnedLevel)) return null;
    const startedAtMs = performance.now();
    const words = request.words();
    // Its time would be lost: the level alone follows from profile and measured quality.
    if (compressibleTokensOf(words) === 0) return null;
    const reference = profile === null ? null : predictLatency(profile, FULL_LEVEL, promptTokens.length);
    const ratios = slo === null ? { ttft: null, tpot: null } : sloRatios(slo, reference);
    const answer = await this.#host.askTlm({ tokens: promptTokens, words, ratios });
    if (!answer.ok) {
      if (!this.#failureTold) this.#log(`serving without the TLM's advice: ${answer.failure.message}`);
      this.#failureTold = true;
      return null;
    }
    const { promptLogits, levelLogits, wordScores } = answer.value;
    const proposed = proposedStrategy(promptLogits, levelLogits, this.#levels);
    return {
      proposed,
      ms: performance.now() - startedAtMs,
      words,
      wordScores,
    };
  }
}

function isWanted(
  { slo, requestedLevel, requestedPromptLevel }: AgentRequest,
  profile: LatencyProfile | null,
  pinnedLevel: Level | null,
): boolean {
  if (requestedPromptLevel !== null) return requestedPromptLevel < WHOLE_PROMPT;
  // Without a profile no proposal could be judged.
  return (
    slo !== null && !isUnbounded(slo) && profile !== null && pinnedLevel === null && requestedLevel === null
  );
}
