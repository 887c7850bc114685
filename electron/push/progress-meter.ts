import type { PushProgress } from '../../core/push.ts';

/** Reports to the window at most this often. */
const REPORT_EVERY_MS = 100;
/** The rate is that of the last seconds, so that it follows a link that changes. */
const WINDOW_MS = 3000;

/** Turns byte counts into throttled {@link PushProgress} reports. */
export class ProgressMeter {
  readonly #report: (progress: PushProgress) => void;
  readonly #now: () => number;
  #progress: PushProgress;
  #samples: { atMs: number; bytes: number }[] = [];
  #reportedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    what: string,
    report: (progress: PushProgress) => void,
    now: () => number = () => performance.now(),
  ) {
    this.#report = report;
    this.#now = now;
    this.#progress = {
      phase: 'checking',
      what,
      bytesTotal: 0,
      bytesDone: 0,
      filesTotal: 0,
      filesSkipped: 0,
      bytesPerSecond: null,
      etaMs: null,
    };
  }

  /** A new phase is always reported. */
  phase(phase: PushProgress['phase'], change: Partial<PushProgress> = {}): void {
    this.#progress = { ...this.#progress, ...change, phase };
    if (phase === 'pushing') this.#samples = [{ atMs: this.#now(), bytes: this.#progress.bytesDone }];
    this.#emit();
  }

  /** `bytes` of this push have travelled so far. */
  bytes(bytes: number): void {
    const atMs = this.#now();
    this.#samples.push({ atMs, bytes });
    while (this.#samples.length > 2 && atMs - (this.#samples[1]?.atMs ?? atMs) > WINDOW_MS)
      this.#samples.shift();
    const first = this.#samples[0];
    const spanMs = first === undefined ? 0 : atMs - first.atMs;
    const bytesPerSecond =
      first === undefined || spanMs < 50 ? null : ((bytes - first.bytes) * 1000) / spanMs;
    const left = Math.max(0, this.#progress.bytesTotal - bytes);
    this.#progress = {
      ...this.#progress,
      bytesDone: bytes,
      bytesPerSecond,
      etaMs: bytesPerSecond === null || bytesPerSecond <= 0 ? null : (left * 1000) / bytesPerSecond,
    };
    if (atMs - this.#reportedAtMs >= REPORT_EVERY_MS) this.#emit();
  }

  #emit(): void {
    this.#reportedAtMs = this.#now();
    this.#report(this.#progress);
  }
}
