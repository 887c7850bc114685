import { decide, limitsOf, NO_CORRECTION } from '../../core/decide.ts';
import type { Level } from '../../core/level.ts';
import { FULL_LEVEL } from '../../core/level.ts';
import { predictLatency, type LatencyProfile } from '../../core/latency-profile.ts';
import { e2elMs, judgeSlo, tpotMs, ttftMs } from '../../core/metrics.ts';
import { fail, ok, type Failure, type Result } from '../../core/result.ts';
import type { Decision, ElasticReport } from '../../core/strategy.ts';
import type { GenerationEnd } from '../engine/generate.ts';
import type { TokenBytes } from '../engine/token-bytes.ts';
import type { EngineHost } from '../host/engine-host.ts';
import type { EventLog } from '../telemetry/event-log.ts';
import { DeadlineQueue } from './deadline-queue.ts';
import type { AgentRequest, RequestSink, Served } from './request.ts';

export const QUEUE_CAPACITY = 64;

type Outcome = 'completed' | 'failed' | 'cancelled';

/** Told of what the orchestrator does; the metrics endpoint listens. */
export interface ServingObserver {
  readonly onLevel: (level: Level, switched: boolean) => void;
  /** `served` is null when the request did not reach its end. */
  readonly onFinished: (outcome: Outcome, hasSlo: boolean, served: Served | null) => void;
}

interface Job {
  readonly start: () => Promise<void>;
  /** Ends a job that is never started. */
  readonly abandon: (failure: Failure) => void;
}

export interface OrchestratorParts {
  readonly host: EngineHost;
  readonly table: TokenBytes;
  readonly levels: readonly Level[];
  readonly eosTokenIds: readonly number[];
  readonly events: EventLog;
  readonly observer: ServingObserver;
}

/** Serves requests one at a time in order of deadline and decides each one's strategy when it starts. */
export class Orchestrator {
  pinnedLevel: Level | null = null;
  profile: LatencyProfile | null = null;
  readonly #parts: OrchestratorParts;
  readonly #queue = new DeadlineQueue<Job>(QUEUE_CAPACITY);
  readonly #ids = new Set<string>();
  #running: Promise<void> | null = null;
  #stopping = false;
  readonly #drained = new AbortController();

  constructor(parts: OrchestratorParts) {
    this.#parts = parts;
  }

  get queueLength(): number {
    return this.#queue.length;
  }

  get busy(): boolean {
    return this.#running !== null;
  }

  /** Whether a request of this id waits or runs. */
  isServing(id: string): boolean {
    return this.#ids.has(id);
  }

  pin(level: Level | null): void {
    this.pinnedLevel = level;
    this.#parts.events.emit({ type: 'level-pinned', level });
  }

  /**
   * Queues and serves a request. Failures: `queue-full`, `agent-stopping`, and those of EngineHost.run. An
   * abort ends it within one token, queued or running; the end's reason is then `cancelled`.
   */
  submit(request: AgentRequest, sink: RequestSink): Promise<Result<Served>> {
    const { slo } = request;
    const reference =
      this.profile === null ? null : predictLatency(this.profile, FULL_LEVEL, request.promptTokens.length);
    const ttftLimit = slo === null ? null : (limitsOf(slo, reference)?.ttftMs ?? slo.ttftMs ?? null);
    const deadlineMs = ttftLimit === null ? null : request.arrivedAtMs + ttftLimit;
    return new Promise((resolve) => {
      this.#ids.add(request.id);
      const finish = (result: Result<Served>): void => {
        this.#ids.delete(request.id);
        request.signal.removeEventListener('abort', onAbort);
        resolve(result);
      };
      const job: Job = {
        start: async () => finish(await this.#serve(request, sink)),
        abandon: (failure) => {
          this.#finished(request, 'failed', null, failure.message, null);
          finish({ ok: false, failure });
        },
      };
      const onAbort = (): void => {
        if (!this.#queue.remove(job)) return;
        this.#finished(request, 'cancelled', null, null, null);
        finish(fail('request-cancelled', 'The request was cancelled while it waited.'));
      };
      const refused = this.#enqueue(job, request.arrivedAtMs, deadlineMs);
      if (refused !== null) return finish(refused);
      request.signal.addEventListener('abort', onAbort);
      this.#parts.events.emit({
        type: 'request-queued',
        requestId: request.id,
        app: request.app,
        slo,
        promptTokens: request.promptTokens.length,
        queueLength: this.#queue.length,
      });
      this.#pump();
    });
  }

  /** Runs `work` with the engine to itself, after those that wait. Failures `queue-full`, `agent-stopping`. */
  exclusive<T>(work: () => Promise<T>): Promise<Result<T>> {
    return new Promise((resolve, reject) => {
      const job: Job = {
        start: () => work().then((value) => resolve(ok(value)), reject),
        abandon: (failure) => resolve({ ok: false, failure }),
      };
      const refused = this.#enqueue(job, performance.now(), null);
      if (refused !== null) return resolve(refused);
      this.#pump();
    });
  }

  /** Takes no more requests, fails those that wait, gives the running one `drainMs` and then cancels it. */
  async stop(drainMs: number): Promise<void> {
    this.#stopping = true;
    const stopping = fail('agent-stopping', 'The agent is stopping.', 'Start it again.');
    if (!stopping.ok) for (const { item } of this.#queue.drain()) item.abandon(stopping.failure);
    const timer = setTimeout(() => this.#drained.abort(), drainMs);
    await this.#running;
    clearTimeout(timer);
  }

  #enqueue(job: Job, arrivedAtMs: number, deadlineMs: number | null): Result<never> | null {
    if (this.#stopping) return fail('agent-stopping', 'The agent is stopping.', 'Start it again.');
    return this.#queue.push({ item: job, arrivedAtMs, deadlineMs })
      ? null
      : fail('queue-full', `${QUEUE_CAPACITY} requests wait already.`, 'Send it again later.');
  }

  #pump(): void {
    if (this.#running !== null) return;
    const next = this.#queue.pop(performance.now());
    if (next === undefined) return;
    this.#running = next.item.start().finally(() => {
      this.#running = null;
      this.#pump();
    });
  }

  async #serve(request: AgentRequest, sink: RequestSink): Promise<Result<Served>> {
    const { host, table, levels, eosTokenIds, events, observer } = this.#parts;
    const startedAtMs = performance.now();
    const queueMs = startedAtMs - request.arrivedAtMs;
    const { decision, grid } = decide({
      levels,
      profile: this.profile,
      promptTokens: request.promptTokens.length,
      compressibleTokens: 0,
      slo: request.slo,
      requestedPromptLevel: null,
      tlm: null,
      quality: null,
      correction: NO_CORRECTION,
      requestedLevel: request.requestedLevel,
      pinnedLevel: this.pinnedLevel,
      waitedMs: queueMs,
    });
    const level = decision.strategy.modelLevel;
    events.emit({ type: 'request-started', requestId: request.id, decision, grid, queueMs });
    const tokenAtMs: number[] = [];
    const { promptTokens, maxTokens, sampling, stop, logprobs, scorePrompt } = request;
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
          tokenAtMs.push(performance.now());
          events.emit({ type: 'token', requestId: request.id, index: token.index, text: token.text });
          sink.onToken?.(token);
        },
      },
      AbortSignal.any([request.signal, this.#drained.signal]),
    );
    const report = reportOf(request, decision, queueMs, tokenAtMs);
    const usage = {
      prompt_tokens: promptTokens.length,
      completion_tokens: tokenAtMs.length,
      total_tokens: promptTokens.length + tokenAtMs.length,
    };
    if (!result.ok) {
      this.#finished(request, 'failed', null, result.failure.message, { report, usage, end: null });
      return result;
    }
    const end = result.value;
    const outcome = end.reason === 'cancelled' ? 'cancelled' : 'completed';
    this.#finished(request, outcome, end.reason, null, { report, usage, end });
    return ok({ end, report, usage });
  }

  #finished(
    request: AgentRequest,
    outcome: Outcome,
    finishReason: string | null,
    failure: string | null,
    served: { report: ElasticReport; usage: Served['usage']; end: GenerationEnd | null } | null,
  ): void {
    const { events, observer } = this.#parts;
    const end = served?.end ?? null;
    observer.onFinished(
      outcome,
      request.slo !== null,
      served === null || end === null ? null : { ...served, end },
    );
    events.emit({
      type: 'request-finished',
      requestId: request.id,
      outcome,
      finishReason,
      failure,
      report: served?.report ?? null,
      usage: served?.usage ?? null,
      queueLength: this.#queue.length,
    });
  }
}

function reportOf(
  request: AgentRequest,
  decision: Decision,
  queueMs: number,
  tokenAtMs: readonly number[],
): ElasticReport {
  const times = { arrivedAtMs: request.arrivedAtMs, tokenAtMs };
  const measured = { ttftMs: ttftMs(times), tpotMs: tpotMs(times) };
  return {
    ...decision,
    requestId: request.id,
    app: request.app,
    measured: { queueMs, ...measured, e2elMs: e2elMs(times) },
    sloHit:
      decision.limits === null ? { ttft: null, tpot: null, met: null } : judgeSlo(decision.limits, measured),
  };
}
