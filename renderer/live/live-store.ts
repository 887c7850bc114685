import type { LiveEvent } from '../../core/run-record.ts';
import { EMPTY_VIEW, type LevelSwitch, type LiveView, type Note, type SeriesName } from './live-view.ts';
import { RequestIndex } from './request-index.ts';
import { TimeSeries } from './time-series.ts';

/** Samples kept per series: about two hours at the agent's rate. */
const SERIES_CAPACITY = 16_384;
const MAX_SWITCHES = 8192;
const MAX_NOTES = 1000;

/**
 * Live data outside React: takes events in, hands out an unchanging {@link LiveView} on demand. Memory is
 * bounded in every direction.
 */
export class LiveStore {
  readonly #requests: RequestIndex;
  #series = newSeries();
  #switches: LevelSwitch[] = [];
  #notes: Note[] = [];
  #startMs: number | null = null;
  #endMs: number | null = null;
  #events = 0;
  #view: LiveView | null = EMPTY_VIEW;

  constructor(maxRequests?: number, maxDetailItems?: number) {
    this.#requests = new RequestIndex(maxRequests, maxDetailItems);
  }

  /** The current view; the same object until something changes. */
  get view(): LiveView {
    this.#view ??= {
      rows: this.#requests.rows(),
      series: {
        level: this.#series.level.snapshot(),
        promptLevel: this.#series.promptLevel.snapshot(),
        queue: this.#series.queue.snapshot(),
        temperatureC: this.#series.temperatureC.snapshot(),
        memoryBytes: this.#series.memoryBytes.snapshot(),
      },
      switches: [...this.#switches],
      notes: [...this.#notes],
      startMs: this.#startMs,
      endMs: this.#endMs,
      events: this.#events,
    };
    return this.#view;
  }

  apply(events: readonly LiveEvent[]): void {
    if (events.length === 0) return;
    for (const event of events) this.#take(event);
    this.#events += events.length;
    this.#view = null;
  }

  /** A run begins: what was before it is forgotten. */
  startRun(startedAtMs: number): void {
    this.#requests.dropBefore(startedAtMs);
    for (const series of Object.values(this.#series)) series.dropBefore(startedAtMs);
    this.#switches = this.#switches.filter(({ atMs }) => atMs >= startedAtMs);
    this.#startMs = startedAtMs;
    this.#endMs = Math.max(this.#endMs ?? startedAtMs, startedAtMs);
    this.#view = null;
  }

  /** The run is over: requests of it that are still open were cut off. */
  endRun(): void {
    this.#requests.cutOffOpen();
    this.#view = null;
  }

  #take(event: LiveEvent): void {
    const atMs = event.hostAtMs;
    this.#startMs ??= atMs;
    this.#endMs = Math.max(this.#endMs ?? atMs, atMs);
    this.#requests.apply(event);
    if (event.kind === 'device') this.#push('temperatureC', atMs, event.telemetry.temperatureC);
    else if (event.kind === 'note') {
      this.#notes.push({ atMs, severity: event.severity, text: event.text });
      if (this.#notes.length > MAX_NOTES) this.#notes.shift();
    } else if (event.kind === 'agent') this.#takeAgentEvent(atMs, event.event);
  }

  #takeAgentEvent(atMs: number, event: Extract<LiveEvent, { kind: 'agent' }>['event']): void {
    switch (event.type) {
      case 'request-queued':
      case 'request-finished':
        this.#push('queue', atMs, event.queueLength);
        break;
      case 'request-started':
        this.#pushStep('level', atMs, event.decision.strategy.modelLevel);
        this.#pushStep('promptLevel', atMs, event.decision.strategy.promptLevel * 100);
        break;
      case 'level-switched':
        if (this.#series.level.length === 0) this.#push('level', this.#startMs ?? atMs, event.from);
        this.#pushStep('level', atMs, event.to);
        this.#switches.push({
          atMs,
          from: event.from,
          to: event.to,
          switchMs: event.switchMs,
          requestId: event.requestId,
          reason: event.reason,
        });
        if (this.#switches.length > MAX_SWITCHES) this.#switches.shift();
        break;
      case 'telemetry':
        this.#push('queue', atMs, event.queueLength);
        this.#push('memoryBytes', atMs, event.pssBytes ?? event.rssBytes);
        break;
      default:
        break;
    }
  }

  #push(name: SeriesName, atMs: number, value: number | null): void {
    this.#series[name].push(atMs, value ?? Number.NaN);
  }

  /** A step line needs its corners only. */
  #pushStep(name: SeriesName, atMs: number, value: number): void {
    if (this.#series[name].last !== value) this.#push(name, atMs, value);
  }
}

function newSeries(): Record<SeriesName, TimeSeries> {
  const one = (): TimeSeries => new TimeSeries(SERIES_CAPACITY);
  return { level: one(), promptLevel: one(), queue: one(), temperatureC: one(), memoryBytes: one() };
}

/** The view of a recorded run: everything in it, requests without an end cut off. */
export function viewOfRun(events: readonly LiveEvent[], startedAtMs: number, ended: boolean): LiveView {
  const store = new LiveStore(Math.max(1, events.length));
  store.apply(events);
  store.startRun(startedAtMs);
  if (ended) store.endRun();
  return store.view;
}
