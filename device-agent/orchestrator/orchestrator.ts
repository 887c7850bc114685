import { limitsOf } from '../../core/decide.ts';
import type { Level } from '../../core/level.ts';
import { FULL_LEVEL } from '../../core/level.ts';
import { predictLatency, type LatencyProfile } from '../../core/latency-profile.ts';
import { fail, ok, type Failure, type Result } from '../../core/result.ts';
import { DeadlineQueue } from './deadline-queue.ts';
import type { AgentRequest, RequestSink, Served } from './request.ts';
import { RequestServer, type ServedOutcome, type ServingParts } from './serve-request.ts';
import type { Outcome } from './serving-observer.ts';

export const QUEUE_CAPACITY = 64;

interface Job {
  readonly start: () => Promise<void>;
  /** Ends a job that is never started. */
  readonly abandon: (failure: Failure) => void;
}

/** Serves requests one at a time in order of deadline and decides each one's strategy when it starts. */
export class Orchestrator {
  pinnedLevel: Level | null = null;
  #profile: LatencyProfile | null = null;
  readonly #parts: ServingParts;
  readonly #server: RequestServer;
  readonly #queue = new DeadlineQueue<Job>(QUEUE_CAPACITY);
  readonly #ids = new Set<string>();
  #running: Promise<void> | null = null;
  #stopping = false;
  readonly #drained = new AbortController();

  constructor(parts: ServingParts) {
    this.#parts = parts;
    this.#server = new RequestServer(parts);
  }

  get profile(): LatencyProfile | null {
    return this.#profile;
  }

  /** What was measured against the profile before says nothing of the new one. */
  set profile(profile: LatencyProfile | null) {
    this.#profile = profile;
    this.#server.forgetLatencies();
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
    const signal = AbortSignal.any([request.signal, this.#drained.signal]);
    const { profile, pinnedLevel } = this;
    const served = await this.#server.serve(request, { profile, pinnedLevel }, sink, signal);
    const { result, report, usage } = served;
    if (!result.ok) {
      this.#finished(request, 'failed', null, result.failure.message, served);
      return result;
    }
    const end = result.value;
    const outcome = end.reason === 'cancelled' ? 'cancelled' : 'completed';
    this.#finished(request, outcome, end.reason, null, served);
    return ok({ end, report, usage });
  }

  #finished(
    request: AgentRequest,
    outcome: Outcome,
    finishReason: string | null,
    failure: string | null,
    served: ServedOutcome | null,
  ): void {
    const { events, observer } = this.#parts;
    observer.onFinished(
      outcome,
      request.slo !== null,
      served === null || !served.result.ok ? null : { ...served, end: served.result.value },
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
