import type { AppId } from '../../core/app.ts';
import type { ActiveRun, RunRow } from '../../core/desktop-state.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { RUN_SCHEMA_VERSION, type LiveEvent, type RunRecord } from '../../core/run-record.ts';
import type { Slo } from '../../core/slo.ts';
import type { TraceSpec } from '../../core/trace.ts';
import type { AgentClient } from '../agent/agent-client.ts';
import type { RunStore } from '../runs/run-store.ts';
import { newRunId, slosNow, TraceRun } from '../runs/trace-run.ts';

/** What a record says besides its trace and results. */
export type RunContext = Pick<RunRecord, 'device' | 'model' | 'bundle' | 'profile' | 'push' | 'environment'>;

export interface RunServiceDeps {
  readonly store: RunStore;
  readonly client: () => AgentClient | null;
  readonly slo: (app: AppId) => Slo | null;
  readonly publish: (event: LiveEvent) => void;
  readonly onChange: () => void;
  readonly lostTimeoutMs?: number;
}

/** The run in progress (one at a time) and the list of those on disk. */
export class RunService {
  readonly #deps: RunServiceDeps;
  #run: TraceRun | null = null;
  #playing: Promise<RunRecord> | null = null;
  #active: ActiveRun | null = null;
  #rows: readonly RunRow[] = [];

  constructor(deps: RunServiceDeps) {
    this.#deps = deps;
  }

  get active(): ActiveRun | null {
    return this.#active;
  }

  get rows(): readonly RunRow[] {
    return this.#rows;
  }

  /** Reads the list; the first time also marks what a crash left. */
  async load(): Promise<void> {
    await this.#deps.store.markInterrupted();
    await this.refresh();
  }

  async refresh(): Promise<void> {
    this.#rows = (await this.#deps.store.list()).map(runRow);
    this.#deps.onChange();
  }

  /** Keeps an event for the run in progress. */
  record(event: LiveEvent): void {
    this.#run?.record(event);
  }

  /** Failures: `run-active`, `state-unwritable`. The run goes on by itself; see {@link finished}. */
  async start(trace: TraceSpec, context: RunContext): Promise<Result<{ id: string }>> {
    if (this.#run !== null || this.#playing !== null)
      return fail('run-active', 'A run is on already.', 'Stop it first.');
    const startedAt = new Date();
    const record: RunRecord = {
      schemaVersion: RUN_SCHEMA_VERSION,
      id: newRunId(startedAt, Math.random()),
      status: 'running',
      failure: null,
      startedAt: startedAt.toISOString(),
      endedAt: null,
      ...context,
      trace,
      slos: slosNow(this.#deps.slo),
      summary: null,
    };
    const log = await this.#deps.store.create(record);
    if (!log.ok) return log;
    const { client, slo, publish, lostTimeoutMs } = this.#deps;
    const run = new TraceRun({
      record,
      log: log.value,
      client,
      slo,
      publish,
      onProgress: (active) => {
        this.#active = active;
        this.#deps.onChange();
      },
      ...(lostTimeoutMs === undefined ? {} : { lostTimeoutMs }),
    });
    this.#run = run;
    this.#active = run.active();
    this.#playing = run.play().then(async (final) => {
      await log.value.close();
      const written = await this.#deps.store.update(final);
      this.#run = null;
      this.#playing = null;
      this.#active = null;
      const severity = final.status === 'failed' ? 'error' : 'info';
      const why = written.ok ? (final.failure ?? '') : written.failure.message;
      this.#deps.publish({
        kind: 'note',
        hostAtMs: Date.now(),
        severity: written.ok ? severity : 'error',
        text: `Run ${final.id} ${final.status}${why === '' ? '.' : `: ${why}`}`,
      });
      await this.refresh();
      return final;
    });
    await this.refresh();
    return ok({ id: run.id });
  }

  /** The final record of the run in progress, null when there is none. */
  finished(): Promise<RunRecord | null> {
    return this.#playing ?? Promise.resolve(null);
  }

  /** Ends the run in progress. Failure `run-none`. */
  async stop(failure: string | null = null): Promise<Result<{ id: string }>> {
    const run = this.#run;
    if (run === null) return fail('run-none', 'No run is on.');
    run.stop(failure);
    await this.#playing;
    return ok({ id: run.id });
  }

  setLoad(requestsPerMinute: number): void {
    this.#run?.setLoad(requestsPerMinute);
  }
}

function runRow(record: RunRecord): RunRow {
  const { id, status, startedAt, device, bundle, trace, summary } = record;
  return {
    id,
    status,
    startedAt,
    device: device.model ?? device.serial,
    virtual: device.kind === 'virtual',
    bundle: `${bundle.name} (${bundle.variant})`,
    trace,
    summary,
  };
}
