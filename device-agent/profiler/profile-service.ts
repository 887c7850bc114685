import { setTimeout } from 'node:timers/promises';
import type { ProfileRequest } from '../../core/agent-api.ts';
import type { LatencyProfile, ProfileCell } from '../../core/latency-profile.ts';
import { PROFILE_SCHEMA_VERSION } from '../../core/latency-profile.ts';
import { seededRandom } from '../../core/random.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { summarize } from '../../core/statistics.ts';
import type { Level } from '../../core/level.ts';
import type { TokenBytes } from '../engine/token-bytes.ts';
import type { EngineHost } from '../host/engine-host.ts';
import type { Orchestrator } from '../orchestrator/orchestrator.ts';
import type { EventLog } from '../telemetry/event-log.ts';
import {
  estimateRemainingMs,
  measurementOrder,
  planProfile,
  shortened,
  warmUpCells,
  type Cell,
  type ProfilePlan,
} from './grid.ts';
import { saveProfile } from './profile-store.ts';

export interface ProfileProgress {
  readonly cellsDone: number;
  readonly cells: number;
  readonly etaMs: number | null;
}

export interface ProfileParts {
  readonly home: string;
  readonly bundleId: string;
  readonly threads: number;
  readonly levels: readonly Level[];
  readonly contextLength: number;
  readonly vocabSize: number;
  /** What the figures are made with, providers as they serve now. */
  readonly runtime: () => LatencyProfile['runtime'];
  readonly table: TokenBytes;
  readonly host: EngineHost;
  /** Opens a second engine with another thread count, for comparison. */
  readonly openHost: (threads: number) => Promise<Result<EngineHost>>;
  readonly orchestrator: Orchestrator;
  readonly events: EventLog;
  readonly log: (line: string) => void;
}

interface Sample {
  readonly ttftMs: number;
  readonly tpotMs: number | null;
}

/**
 * Rest before each run, ms: an app's request finds the runtime's threads asleep, and back to back they still
 * spin.
 */
const REST_MS = 150;

/** Measures this device's latency profile through the same queue and worker that serve requests. */
export class ProfileService {
  readonly #parts: ProfileParts;
  #measuring = false;

  constructor(parts: ProfileParts) {
    this.#parts = parts;
  }

  /**
   * Each timed run takes the engine for itself and then lets waiting requests go first. The result is
   * stored, and served by from then on. Failures: `profile-running`, `request-cancelled`, those of the
   * engine, `write-failed`.
   */
  async measure(
    request: ProfileRequest,
    onProgress: (progress: ProfileProgress) => void,
    signal: AbortSignal,
  ): Promise<Result<LatencyProfile>> {
    if (this.#measuring) return fail('profile-running', 'A profile is being measured already.');
    this.#measuring = true;
    const hosts = new Map([[this.#parts.threads, this.#parts.host]]);
    try {
      for (const threads of request.threads ?? []) {
        if (hosts.has(threads)) continue;
        const extra = await this.#parts.openHost(threads);
        if (!extra.ok) return extra;
        hosts.set(threads, extra.value);
      }
      const { levels, contextLength } = this.#parts;
      const planned = planProfile(request.mode, levels, [...hosts.keys()], contextLength);
      const warm = await this.#warmUp(planned, hosts, signal);
      if (!warm.ok) return warm;
      const { plan, runs } = warm.value;
      const samples = await this.#sampleAll(plan, hosts, onProgress, signal);
      return samples.ok ? await this.#conclude(request, plan, runs, samples.value) : samples;
    } finally {
      this.#measuring = false;
      for (const host of hosts.values()) if (host !== this.#parts.host) await host.close();
    }
  }

  /** @returns the plan that this device turned out to be fast enough for, and how many runs that took. */
  async #warmUp(
    plan: ProfilePlan,
    hosts: ReadonlyMap<number, EngineHost>,
    signal: AbortSignal,
  ): Promise<Result<{ readonly plan: ProfilePlan; readonly runs: number }>> {
    const done: { cell: Cell; ms: number }[] = [];
    for (const cell of [...hosts.keys()].flatMap((threads) => warmUpCells(plan, threads))) {
      if (!shortened(plan, done).cells.includes(cell)) continue;
      const startedAt = performance.now();
      const run = await this.#sample(cell, plan, hosts, signal);
      if (!run.ok) return run;
      done.push({ cell, ms: performance.now() - startedAt });
    }
    return ok({ plan: shortened(plan, done), runs: done.length });
  }

  async #sampleAll(
    plan: ProfilePlan,
    hosts: ReadonlyMap<number, EngineHost>,
    onProgress: (progress: ProfileProgress) => void,
    signal: AbortSignal,
  ): Promise<Result<Map<Cell, Sample[]>>> {
    const samples = new Map<Cell, Sample[]>(plan.cells.map((cell) => [cell, []]));
    const order = measurementOrder(plan);
    const done: { cell: Cell; ms: number }[] = [];
    for (const [i, cell] of order.entries()) {
      const startedAt = performance.now();
      const sample = await this.#sample(cell, plan, hosts, signal);
      if (!sample.ok) return sample;
      samples.get(cell)?.push(sample.value);
      done.push({ cell, ms: performance.now() - startedAt });
      const etaMs = estimateRemainingMs(done, order.slice(i + 1), plan.decodeTokens);
      const progress = { cellsDone: i + 1, cells: order.length, etaMs };
      onProgress(progress);
      this.#parts.events.emit({ type: 'profile-progress', ...progress });
    }
    return ok(samples);
  }

  /** One prefill and decode of random tokens (their values do not matter to the time). */
  async #sample(
    cell: Cell,
    plan: ProfilePlan,
    hosts: ReadonlyMap<number, EngineHost>,
    signal: AbortSignal,
  ): Promise<Result<Sample>> {
    if (signal.aborted) return fail('request-cancelled', 'The measurement was cancelled.');
    const host = hosts.get(cell.threads);
    if (host === undefined) throw new Error('no engine with this thread count');
    const random = seededRandom(cell.promptTokens);
    const token = (): number => Math.floor(random() * this.#parts.vocabSize);
    const promptTokens = Array.from({ length: cell.promptTokens }, token);
    await rest(REST_MS, signal);
    const ran = await this.#parts.orchestrator.exclusive(async (): Promise<Result<Sample>> => {
      const tokenAtMs: number[] = [];
      const startedAt = performance.now();
      const end = await host.run(
        {
          promptTokens,
          maxTokens: plan.decodeTokens,
          level: cell.level,
          sampling: { temperature: 0, topP: 1, seed: 0 },
          stop: [],
          eosTokenIds: [],
          logprobs: null,
          scorePrompt: false,
        },
        this.#parts.table,
        { onToken: () => void tokenAtMs.push(performance.now()) },
        signal,
      );
      if (!end.ok) return end;
      const first = tokenAtMs[0];
      const last = tokenAtMs.at(-1);
      if (end.value.reason === 'cancelled' || first === undefined || last === undefined)
        return fail('request-cancelled', 'The measurement was cancelled.');
      const gaps = tokenAtMs.length - 1;
      return ok({ ttftMs: first - startedAt, tpotMs: gaps === 0 ? null : (last - first) / gaps });
    });
    return ran.ok ? ran.value : ran;
  }

  async #conclude(
    request: ProfileRequest,
    plan: ProfilePlan,
    warmUpRuns: number,
    samples: ReadonlyMap<Cell, Sample[]>,
  ): Promise<Result<LatencyProfile>> {
    const { home, bundleId, threads, runtime, orchestrator, events, log } = this.#parts;
    const cells: ProfileCell[] = [...samples].map(([cell, runs]) => ({
      ...cell,
      ttftMs: summarize(runs.map((run) => run.ttftMs)),
      tpotMs: summarize(runs.map((run) => run.tpotMs)),
    }));
    const profile: LatencyProfile = {
      schemaVersion: PROFILE_SCHEMA_VERSION,
      bundleId,
      mode: request.mode,
      measuredAt: new Date().toISOString(),
      device: { serial: request.serial, model: request.deviceModel, virtual: request.virtual },
      runtime: runtime(),
      threads,
      decodeTokens: plan.decodeTokens,
      warmUpRuns,
      temperatureC: { before: request.temperatureC, after: null },
      cells,
    };
    orchestrator.profile = profile;
    events.emit({ type: 'profile-finished', profile });
    const saved = await saveProfile(home, profile);
    log(saved.ok ? `profile of ${cells.length} cells measured` : saved.failure.message);
    return saved.ok ? ok(profile) : saved;
  }
}

/** Ends early, without an error, when the signal aborts. */
function rest(ms: number, signal: AbortSignal): Promise<void> {
  return setTimeout(ms, undefined, { signal }).catch(() => undefined);
}
