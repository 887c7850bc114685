import type { SloLimits } from './slo.ts';

/**
 * The product's only definitions of its metrics (as vLLM's and aiperf's where they agree).
 *
 * - TTFT: the request's arrival at the agent -> its first token. Queueing is inside.
 * - TPOT: (E2EL - TTFT) / (output tokens - 1); undefined (null) at one token or none, never 0.
 * - ITL: the gap between two consecutive streamed tokens; one sample per gap.
 * - E2EL: arrival -> last token.
 * - SLO attainment: share of judged requests that met all their bounds. An errored request is a miss; one
 *   cut off by the end of the run, or without an SLO, is not judged.
 * - Service TTFT: TTFT less the wait in the queue; what the strategy can answer for.
 * - Service attainment: as SLO attainment, with the service TTFT in place of the TTFT. How often the strategy kept
 *   the SLO; SLO attainment also tells how crowded the phone was.
 * - Goodput: requests per second that met all their bounds.
 */

export interface TokenTimes {
  /** Monotonic ms of the request's arrival. */
  readonly arrivedAtMs: number;
  /** Monotonic ms of each output token. */
  readonly tokenAtMs: readonly number[];
}

export function ttftMs(times: TokenTimes): number | null {
  const first = times.tokenAtMs[0];
  return first === undefined ? null : first - times.arrivedAtMs;
}

export function e2elMs(times: TokenTimes): number | null {
  const last = times.tokenAtMs.at(-1);
  return last === undefined ? null : last - times.arrivedAtMs;
}

export function tpotMs(times: TokenTimes): number | null {
  const first = times.tokenAtMs[0];
  const last = times.tokenAtMs.at(-1);
  const n = times.tokenAtMs.length;
  return first === undefined || last === undefined || n < 2 ? null : (last - first) / (n - 1);
}

export function itlMs(times: TokenTimes): number[] {
  return times.tokenAtMs.slice(1).map((at, i) => at - (times.tokenAtMs[i] ?? at));
}

/** true = met, false = missed, null = not bounded or not measurable (TPOT of a single token). */
export interface SloVerdict {
  readonly ttft: boolean | null;
  readonly tpot: boolean | null;
  /** All bounds met; null when the request has none that could be judged. */
  readonly met: boolean | null;
}

export function judgeSlo(
  limits: SloLimits,
  measured: { ttftMs: number | null; tpotMs: number | null },
): SloVerdict {
  const judge = (limit: number | null, value: number | null): boolean | null =>
    limit === null || value === null ? null : value <= limit;
  const ttft = judge(limits.ttftMs, measured.ttftMs);
  const tpot = judge(limits.tpotMs, measured.tpotMs);
  const met = ttft === null && tpot === null ? null : ttft !== false && tpot !== false;
  return { ttft, tpot, met };
}

/** Latencies of a served request, ms; null where it came to no token, or to one only. */
export interface ServedLatency {
  /** Arrival -> start of service. */
  readonly queueMs: number;
  readonly ttftMs: number | null;
  readonly tpotMs: number | null;
}

/** Start of service -> first token, ms. */
export function serviceTtftMs({ ttftMs, queueMs }: ServedLatency): number | null {
  return ttftMs === null ? null : Math.max(0, ttftMs - queueMs);
}

/** {@link judgeSlo} as if the request had not waited. */
export function judgeService(limits: SloLimits, served: ServedLatency): SloVerdict {
  return judgeSlo(limits, { ttftMs: serviceTtftMs(served), tpotMs: served.tpotMs });
}

/** How a request ended: only `completed` and `failed` ones are judged. */
export type RequestOutcome = 'completed' | 'failed' | 'cut-off' | 'cancelled';

export interface JudgedRequest {
  readonly outcome: RequestOutcome;
  readonly hasSlo: boolean;
  readonly met: boolean | null;
}

/** Whether the request counts, and as what: true hit, false miss, null not judged. */
export function sloHit(request: JudgedRequest): boolean | null {
  if (!request.hasSlo) return null;
  if (request.outcome === 'failed') return false;
  return request.outcome === 'completed' ? request.met : null;
}

/** Share of judged requests that met their SLO; null when none was judged. */
export function sloAttainment(requests: readonly JudgedRequest[]): number | null {
  const judged = requests.map(sloHit).filter((hit): hit is boolean => hit !== null);
  return judged.length === 0 ? null : judged.filter(Boolean).length / judged.length;
}

/** Requests per second that met all their bounds, over a window of `durationMs`. */
export function goodputPerSecond(requests: readonly JudgedRequest[], durationMs: number): number {
  return durationMs <= 0 ? 0 : (requests.filter((r) => sloHit(r) === true).length * 1000) / durationMs;
}
