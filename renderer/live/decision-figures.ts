import type { DecidedBy, LatencyCorrection } from '../../core/strategy.ts';
import type { RequestRow } from './request-row.ts';

/** How strategies came about for some requests, and what the TLM cost and saved. Shares are 0..1, null = unknown. */
export interface DecisionFigures {
  /** Requests with a decision; what the three shares are of. */
  readonly decided: number;
  readonly tlmShare: number | null;
  readonly guardShare: number | null;
  readonly nothingFeasibleShare: number | null;
  /** Requests that the TLM was asked about. */
  readonly asked: number;
  /** Mean of kept over all prompt tokens, over requests that the TLM was asked about. */
  readonly keptShare: number | null;
  /** The TLM's time over TTFT without waiting, both summed over requests that have both. */
  readonly tlmShareOfTtft: number | null;
  /** Requests whose level was lowered before their end. */
  readonly lowered: number;
  /** Measured over predicted latency, as the newest decision has it. */
  readonly correction: LatencyCorrection | null;
}

/** @param rows oldest first. */
export function decisionFigures(rows: readonly RequestRow[]): DecisionFigures {
  const decisions = rows.flatMap(({ decision }) => decision ?? []);
  const decided = decisions.length;
  const share = (by: DecidedBy): number | null =>
    decided === 0 ? null : decisions.filter(({ decidedBy }) => decidedBy === by).length / decided;
  const kept = decisions.flatMap(({ tlm, promptTokens, keptTokens }) =>
    tlm === null || promptTokens === 0 ? [] : keptTokens / promptTokens,
  );
  return {
    decided,
    tlmShare: share('tlm'),
    guardShare: share('guard'),
    nothingFeasibleShare: share('nothing-feasible'),
    asked: decisions.filter(({ tlm }) => tlm !== null).length,
    keptShare: kept.length === 0 ? null : kept.reduce((sum, one) => sum + one, 0) / kept.length,
    tlmShareOfTtft: tlmShareOfTtft(rows),
    lowered: rows.filter(({ lowerings }) => lowerings.length > 0).length,
    correction: decisions.at(-1)?.correction ?? null,
  };
}

function tlmShareOfTtft(rows: readonly RequestRow[]): number | null {
  let tlmMs = 0;
  let serviceMs = 0;
  for (const { decision, ttftMs, queueMs } of rows) {
    const ms = decision?.tlm?.ms;
    if (ms === undefined || ttftMs === null || queueMs === null) continue;
    tlmMs += ms;
    serviceMs += ttftMs - queueMs;
  }
  return serviceMs <= 0 ? null : tlmMs / serviceMs;
}
