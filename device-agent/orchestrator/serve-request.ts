import { compressibleTokensOf } from '../../core/compress-prompt.ts';
import { decide, NO_CORRECTION } from '../../core/decide.ts';
import type { Level } from '../../core/level.ts';
import { predictLatency, type LatencyProfile } from '../../core/latency-profile.ts';
import type { Result } from '../../core/result.ts';
import type {
  DecidedBy,
  Decision,
  ElasticReport,
  LatencyCorrection,
  StrategyCell,
} from '../../core/strategy.ts';
import type { StrategyQuality } from '../../core/strategy-quality.ts';
import type { GenerationEnd } from '../engine/generate.ts';
import type { TokenBytes } from '../engine/token-bytes.ts';
import type { EngineHost } from '../host/engine-host.ts';
import type { EventLog } from '../telemetry/event-log.ts';
import { compressedPrompt, type CompressedPrompt } from './compressed-prompt.ts';
import { elasticReport } from './elastic-report.ts';
import { LatencyTracker } from './latency-correction.ts';
import type { AgentRequest, RequestSink, Served } from './request.ts';
import type { ServingObserver } from './serving-observer.ts';
import { TlmAdviser } from './tlm-adviser.ts';
import { TpotWatch } from './tpot-watch.ts';

export interface ServingParts {
  readonly host: EngineHost;
  readonly table: TokenBytes;
  readonly textOfAll: (tokens: readonly number[]) => string;
  /** Ascending. */
  readonly levels: readonly Level[];
  /** The next lower level that decoding may go on at; null = none. */
  readonly lowerTarget: (from: Level) => Level | null;
  /** What strategies are worth by the bundle; null = not measured. */
  readonly quality: StrategyQuality | null;
  readonly eosTokenIds: readonly number[];
  readonly events: EventLog;
  readonly observer: ServingObserver;
  /** Whether predictions are corrected by what was measured of late. */
  readonly guardCorrection: boolean;
  readonly log: (line: string) => void;
}

/** What a request is decided by besides itself. */
export interface ServingState {
  readonly profile: LatencyProfile | null;
  readonly pinnedLevel: Level | null;
}

/** How a request ended, reported even where the engine failed. */
export interface ServedOutcome {
  readonly result: Result<GenerationEnd>;
  readonly report: ElasticReport;
  readonly usage: Served['usage'];
}

interface Plan {
  readonly decision: Decision;
  readonly grid: StrategyCell[] | null;
  /** null = the prompt is run whole. */
  readonly compressed: CompressedPrompt | null;
}

/** Decisions that the guard may revise while the answer is being written; people's wishes stand. */
const REVISABLE: readonly DecidedBy[] = ['tlm', 'guard', 'profile', 'no-profile', 'nothing-feasible'];

/** Serves one request at a time: advice, decision, compression, run; learns from what it measures. */
export class RequestServer {
  readonly #parts: ServingParts;
  readonly #adviser: TlmAdviser;
  readonly #latencies = new LatencyTracker();

  constructor(parts: ServingParts) {
    this.#parts = parts;
    this.#adviser = new TlmAdviser(parts.host, parts.levels, parts.log);
  }

  /** To be called when another profile predicts from now on. */
  forgetLatencies(): void {
    this.#latencies.reset();
  }

  async serve(
    request: AgentRequest,
    state: ServingState,
    sink: RequestSink,
    signal: AbortSignal,
  ): Promise<ServedOutcome> {
    const { host, table, eosTokenIds, events, observer } = this.#parts;
    const queueMs = performance.now() - request.arrivedAtMs;
    const { decision, grid, compressed } = await this.#plan(request, state, queueMs);
    const level = decision.strategy.modelLevel;
    observer.onDecided(decision);
    events.emit({ type: 'request-started', requestId: request.id, decision, grid, queueMs });
    if (compressed !== null)
      events.emit({
        type: 'prompt-compressed',
        requestId: request.id,
        promptLevel: decision.strategy.promptLevel,
        words: compressed.told(),
      });
    const promptTokens = compressed?.tokens ?? request.promptTokens;
    const { maxTokens, sampling, stop, logprobs, scorePrompt } = request;
    const guard = this.#midRequestGuard(request, decision);
    const tokenAtMs: number[] = [];
    const runAtMs = performance.now();
    const result = await host.run(
      { promptTokens, maxTokens, level, sampling, stop, eosTokenIds, logprobs, scorePrompt },
      table,
      {
        onLevel: (from, switchMs) => {
          observer.onLevel(level, from !== level);
          if (from !== level)
            events.emit({
              type: 'level-switched',
              from,
              to: level,
              requestId: request.id,
              switchMs,
              reason: 'strategy',
            });
        },
        onPromptScores: (scores) => sink.onPromptScores?.(scores),
        onToken: (token) => {
          const atMs = performance.now();
          tokenAtMs.push(atMs);
          events.emit({ type: 'token', requestId: request.id, index: token.index, text: token.text });
          sink.onToken?.(token);
          guard.onToken(atMs);
        },
      },
      signal,
    );
    // Scores cost time that no prediction contains.
    if (result.ok && !scorePrompt && logprobs === null)
      this.#learn(
        state.profile,
        level,
        promptTokens.length,
        runAtMs,
        tokenAtMs.slice(0, guard.tokensAtLevel()),
      );
    return {
      result,
      report: elasticReport(request, decision, queueMs, tokenAtMs, result.ok ? result.value.ahead : null),
      usage: {
        prompt_tokens: request.promptTokens.length,
        completion_tokens: tokenAtMs.length,
        total_tokens: request.promptTokens.length + tokenAtMs.length,
      },
    };
  }

  async #plan(request: AgentRequest, state: ServingState, queueMs: number): Promise<Plan> {
    const { levels, quality, textOfAll } = this.#parts;
    const { promptTokens, slo, requestedLevel } = request;
    const advice = await this.#adviser.advise(request, state.profile, state.pinnedLevel);
    const compressibleTokens = advice === null ? 0 : compressibleTokensOf(advice.words);
    const { decision, grid } = decide({
      profile: state.profile,
      pinnedLevel: state.pinnedLevel,
      levels,
      promptTokens: promptTokens.length,
      compressibleTokens,
      slo,
      requestedLevel,
      requestedPromptLevel: compressibleTokens === 0 ? null : request.requestedPromptLevel,
      waitedMs: queueMs,
      tlm: advice === null ? null : { proposed: advice.proposed, ms: advice.ms },
      quality,
      correction: this.#correction(),
    });
    const compressed =
      advice === null
        ? null
        : compressedPrompt(promptTokens, advice, decision.strategy.promptLevel, textOfAll);
    const keptTokens = compressed?.tokens.length ?? promptTokens.length;
    return { decision: { ...decision, keptTokens }, grid, compressed };
  }

  #correction(): LatencyCorrection {
    return this.#parts.guardCorrection ? this.#latencies.correction(performance.now()) : NO_CORRECTION;
  }

  /** Lowers the level inside of the request where its TPOT runs over the bound and a lower level is exact. */
  #midRequestGuard(
    request: AgentRequest,
    { limits, decidedBy, strategy }: Decision,
  ): { readonly onToken: (atMs: number) => void; readonly tokensAtLevel: () => number } {
    const { host, events, observer, lowerTarget } = this.#parts;
    const boundMs = limits?.tpotMs ?? null;
    if (boundMs === null || !REVISABLE.includes(decidedBy))
      return { onToken: () => undefined, tokensAtLevel: () => request.maxTokens };
    const watch = new TpotWatch(boundMs, request.maxTokens);
    let level = strategy.modelLevel;
    let tokens = 0;
    let loweredAfter: number | null = null;
    const lower = async (to: Level): Promise<void> => {
      const lowered = await host.lowerLevel(to);
      if (!lowered.ok) return;
      observer.onLevel(to, true);
      observer.onLowered();
      const { from, switchMs } = lowered.value;
      events.emit({
        type: 'level-switched',
        from,
        to,
        requestId: request.id,
        switchMs,
        reason: 'tpot-drift',
      });
    };
    return {
      onToken: (atMs) => {
        tokens++;
        const to = watch.onToken(atMs) === 'lower' ? lowerTarget(level) : null;
        if (to === null) return;
        loweredAfter ??= tokens;
        level = to;
        void lower(to);
      },
      tokensAtLevel: () => loweredAfter ?? tokens,
    };
  }

  #learn(
    profile: LatencyProfile | null,
    level: Level,
    promptTokens: number,
    runAtMs: number,
    tokenAtMs: readonly number[],
  ): void {
    const predicted = profile === null ? null : predictLatency(profile, level, promptTokens);
    const first = tokenAtMs[0];
    const last = tokenAtMs.at(-1);
    if (predicted === null || first === undefined || last === undefined) return;
    const gaps = tokenAtMs.length - 1;
    const tpotMs = gaps >= LEAST_GAPS ? (last - first) / gaps : null;
    this.#latencies.observe(predicted, { ttftMs: first - runAtMs, tpotMs }, performance.now());
  }
}

/** Fewer gaps between tokens say little of TPOT. */
const LEAST_GAPS = 3;
