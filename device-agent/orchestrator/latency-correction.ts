import { NO_CORRECTION } from '../../core/decide.ts';
import type { PredictedLatency } from '../../core/latency-profile.ts';
import { percentile } from '../../core/statistics.ts';
import type { LatencyCorrection } from '../../core/strategy.ts';

/** Requests remembered at most: of a change, what was before it is gone after so many. */
export const WINDOW_REQUESTS = 40;
/** What is older is forgotten: heat comes and goes within a minute or two. */
export const WINDOW_MS = 60_000;
/** With fewer requests than this in the window the rest count as "as predicted": one outlier does not decide. */
export const LEAST_REQUESTS = 20;
/** Of twenty requests one may be worse: the guard's headroom is for it. */
const PERCENTILE = 95;
/**
 * Never below 1: a phone is not quicker than undisturbed, and what a quiet minute saved is missed in the next one. More
 * than `most` no phone would bear.
 */
const BOUNDS = { least: 1, most: 8 } as const;

/** Latencies of one served request: service only, queue and TLM excluded; null = not measured. */
export interface ServedLatency {
  readonly ttftMs: number | null;
  readonly tpotMs: number | null;
}

interface Entry {
  readonly atMs: number;
  readonly ratio: number;
}

/**
 * What the device does of late, as multipliers of the profile's predictions: p95 of measured over predicted latency,
 * over the latest requests of the last minute (docs/decisions/0064). A p95 of so few rises with the second slow
 * request and falls when nineteen of twenty are fast again: quick towards safety, slow back.
 */
export class LatencyTracker {
  #ttft: Entry[] = [];
  #tpot: Entry[] = [];

  observe(predicted: PredictedLatency, measured: ServedLatency, nowMs: number): void {
    const next = (entries: readonly Entry[], expectedMs: number, ms: number | null): Entry[] => {
      const kept = recent(entries, nowMs);
      if (ms === null || !(ms > 0) || !(expectedMs > 0)) return kept;
      return [...kept, { atMs: nowMs, ratio: ms / expectedMs }].slice(-WINDOW_REQUESTS);
    };
    this.#ttft = next(this.#ttft, predicted.ttftMs, measured.ttftMs);
    this.#tpot = next(this.#tpot, predicted.tpotMs, measured.tpotMs);
  }

  correction(nowMs: number): LatencyCorrection {
    const of = (entries: readonly Entry[], neutral: number): number => {
      const ratios = recent(entries, nowMs).map(({ ratio }) => ratio);
      while (ratios.length < LEAST_REQUESTS) ratios.push(neutral);
      const level = percentile(
        ratios.sort((a, b) => a - b),
        PERCENTILE,
      );
      return Math.min(BOUNDS.most, Math.max(BOUNDS.least, level));
    };
    return { ttft: of(this.#ttft, NO_CORRECTION.ttft), tpot: of(this.#tpot, NO_CORRECTION.tpot) };
  }

  /** Forgets everything: another profile predicts from now on. */
  reset(): void {
    this.#ttft = [];
    this.#tpot = [];
  }
}

function recent(entries: readonly Entry[], nowMs: number): Entry[] {
  return entries.filter(({ atMs }) => nowMs - atMs <= WINDOW_MS);
}
