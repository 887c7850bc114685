import { setMaxListeners } from 'node:events';
import { promptOf } from '../../core/app-prompts/app-prompts.ts';
import { APP_IDS, type AppId } from '../../core/app.ts';
import type { ActiveRun } from '../../core/desktop-state.ts';
import type { Result } from '../../core/result.ts';
import type { Heat, LiveEvent, RunRecord } from '../../core/run-record.ts';
import type { Slo } from '../../core/slo.ts';
import { traceEntries, type TraceEntry } from '../../core/trace.ts';
import type { AgentClient, ChatAnswer } from '../agent/agent-client.ts';
import { pause } from '../files/pause.ts';
import type { EventLog } from './event-log.ts';
import { addHeat, type RunRequest, summarizeRun } from './run-summary.ts';
import { TraceClock } from './trace-clock.ts';

export interface TraceRunOptions {
  readonly record: RunRecord;
  readonly log: EventLog;
  /** The agent now; null while it can't be reached. */
  readonly client: () => AgentClient | null;
  /** The SLO of an app at this moment. */
  readonly slo: (app: AppId) => Slo | null;
  /** Sends an event on its way to the window; it comes back to {@link TraceRun.record}. */
  readonly publish: (event: LiveEvent) => void;
  readonly onProgress: (active: ActiveRun) => void;
  /** A run without its agent for this long fails. */
  readonly lostTimeoutMs?: number;
  /** An agent that finished a request may say so a little later on its event stream. */
  readonly settleMs?: number;
}

const LOST_TIMEOUT_MS = 60_000;
const SETTLE_MS = 300;

/**
 * Plays one trace against the agent, open loop: requests leave when the trace says so, whether or not earlier
 * ones are answered. Requests in flight at the end of a bounded trace, or at a stop, are cut off.
 */
export class TraceRun {
  readonly #options: TraceRunOptions;
  readonly #clock = new TraceClock(performance.now());
  readonly #ending = new AbortController();
  readonly #inFlight = new Set<Promise<void>>();
  readonly #requests = new Map<string, RunRequest>();
  readonly #startedAtMs = performance.now();
  #rescheduled = new AbortController();
  #failure: string | null = null;
  #switches = 0;
  #lowerings = 0;
  #heat: Heat | null = null;
  #finished = 0;
  #awaySinceMs: number | null = null;

  constructor(options: TraceRunOptions) {
    this.#options = options;
    // Every request in flight listens; Node warns of a leak at eleven.
    setMaxListeners(0, this.#ending.signal);
  }

  get id(): string {
    return this.#options.record.id;
  }

  active(): ActiveRun {
    const { id, trace, startedAt } = this.#options.record;
    return { id, trace, startedAt, sent: this.#requests.size, finished: this.#finished };
  }

  /** Ends the run; requests in flight are cut off. `failure` makes it a failed one. */
  stop(failure: string | null = null): void {
    this.#failure ??= failure;
    this.#ending.abort();
  }

  /** Changes the arrival rate from now on. */
  setLoad(requestsPerMinute: number): void {
    this.#clock.setSpeed(requestsPerMinute / this.#options.record.trace.requestsPerMinute, performance.now());
    this.#rescheduled.abort();
  }

  /** Keeps an event: every one that the window gets while the run is on. */
  record(event: LiveEvent): void {
    this.#options.log.append(event);
    if (event.kind === 'device' && event.serial === this.#options.record.device.serial)
      this.#heat = addHeat(this.#heat, event.telemetry);
    if (event.kind !== 'agent') return;
    const { event: agent } = event;
    if (agent.type === 'level-switched') {
      this.#switches += 1;
      if (agent.reason === 'tpot-drift') this.#lowerings += 1;
    } else if (agent.type === 'token') this.#requests.get(agent.requestId)?.tokenAtMs.push(agent.atMs);
    else if (agent.type === 'request-finished') {
      const request = this.#requests.get(agent.requestId);
      if (request !== undefined) request.report ??= agent.report;
    }
  }

  /** Plays to the end; the final record, not yet written. */
  async play(): Promise<RunRecord> {
    const { record } = this.#options;
    const { durationS } = record.trace;
    const watch = setInterval(() => this.#watchAgent(), 500);
    // An entry that is due at the very end does not belong to the run; a timer may be early by part of a ms.
    const lastSendMs =
      durationS === null ? Number.POSITIVE_INFINITY : this.#startedAtMs + durationS * 1000 - 1;
    const end = durationS === null ? undefined : setTimeout(() => this.#ending.abort(), durationS * 1000);
    // The end is in real time, also when the rate changes: so the trace itself is endless (but for table3's count).
    for (const entry of traceEntries({ ...record.trace, durationS: null })) {
      await this.#waitFor(entry);
      if (this.#ending.signal.aborted || performance.now() >= lastSendMs) break;
      this.#send(entry);
    }
    await Promise.race([Promise.all(this.#inFlight), aborted(this.#ending.signal)]);
    const durationMs = performance.now() - this.#startedAtMs;
    this.#ending.abort();
    await Promise.all(this.#inFlight);
    clearInterval(watch);
    clearTimeout(end);
    await pause(this.#options.settleMs ?? SETTLE_MS);
    return {
      ...record,
      status: this.#failure === null ? 'finished' : 'failed',
      failure: this.#failure ?? this.#options.log.failure,
      endedAt: new Date().toISOString(),
      summary: summarizeRun([...this.#requests.values()], durationMs, {
        switches: this.#switches,
        lowerings: this.#lowerings,
        heat: this.#heat,
      }),
    };
  }

  async #waitFor(entry: TraceEntry): Promise<void> {
    for (;;) {
      const delayMs = this.#clock.realDelayUntil(entry.atMs, performance.now());
      if (delayMs <= 0 || this.#ending.signal.aborted) return;
      this.#rescheduled = new AbortController();
      const stop = (): void => this.#rescheduled.abort();
      this.#ending.signal.addEventListener('abort', stop, { once: true });
      await pause(delayMs, this.#rescheduled.signal);
      this.#ending.signal.removeEventListener('abort', stop);
    }
  }

  #send({ app, promptIndex }: TraceEntry): void {
    const slo = this.#options.slo(app);
    const requestId = `${this.id}-${String(this.#requests.size + 1).padStart(5, '0')}`;
    const request: RunRequest = {
      requestId,
      app,
      hasSlo: slo !== null,
      outcome: 'cut-off',
      report: null,
      tokenAtMs: [],
    };
    this.#requests.set(requestId, request);
    this.#options.publish({ kind: 'sent', hostAtMs: Date.now(), requestId, app, promptIndex, slo });
    const served = this.#serve(request, promptIndex, slo).finally(() => {
      this.#inFlight.delete(served);
      this.#finished += 1;
      this.#options.onProgress(this.active());
    });
    this.#inFlight.add(served);
    this.#options.onProgress(this.active());
  }

  async #serve(request: RunRequest, promptIndex: number, slo: Slo | null): Promise<void> {
    const { requestId, app } = request;
    const { messages, maxTokens } = promptOf(app, promptIndex);
    const client = this.#options.client();
    const answer: Result<ChatAnswer> =
      client === null
        ? { ok: false, failure: { code: 'phone-gone', message: 'The phone or its agent is away.' } }
        : await client.chat({ messages, maxTokens, app, slo, requestId }, this.#ending.signal);
    if (answer.ok) {
      request.outcome = 'completed';
      request.report = answer.value.elastic ?? request.report;
    } else if (!this.#ending.signal.aborted) {
      request.outcome = 'failed';
      const failure = answer.failure.message;
      this.#options.publish({ kind: 'client-failed', hostAtMs: Date.now(), requestId, app, failure });
    }
  }

  /** Notes when the agent goes and returns; gives up when it stays away. */
  #watchAgent(): void {
    const isAway = this.#options.client() === null;
    const now = performance.now();
    if (isAway && this.#awaySinceMs === null) {
      this.#awaySinceMs = now;
      this.#note('warning', 'The phone or its agent went away; requests fail until it is back.');
    } else if (!isAway && this.#awaySinceMs !== null) {
      this.#note('info', `The agent is back after ${((now - this.#awaySinceMs) / 1000).toFixed(1)} s.`);
      this.#awaySinceMs = null;
    } else if (this.#awaySinceMs !== null) {
      const limitMs = this.#options.lostTimeoutMs ?? LOST_TIMEOUT_MS;
      if (now - this.#awaySinceMs > limitMs)
        this.stop(`The phone or its agent went away and did not return within ${limitMs / 1000} s.`);
    }
  }

  #note(severity: 'info' | 'warning', text: string): void {
    this.#options.publish({ kind: 'note', hostAtMs: Date.now(), severity, text });
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** E.g. `20261122-184502-3f9a`: sorts by time, unique enough for two runs in one second. */
export function newRunId(at: Date, random: number): string {
  const stamp = at.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  return `${stamp}-${Math.floor(random * 0x10000)
    .toString(16)
    .padStart(4, '0')}`;
}

/** The SLOs of all apps at one moment, for the record. */
export function slosNow(slo: (app: AppId) => Slo | null): Partial<Record<AppId, Slo>> {
  const entries = APP_IDS.flatMap((app): [AppId, Slo][] => {
    const value = slo(app);
    return value === null ? [] : [[app, value]];
  });
  return Object.fromEntries(entries);
}
