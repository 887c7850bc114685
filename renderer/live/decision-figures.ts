import type { LatencyCorrection } from '../../core/strategy.ts';
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

/** One pass over up to 20 000 rows: it is done anew several times a second. @param rows oldest first. */
export function decisionFigures(rows: readonly RequestRow[]): DecisionFigures {
  let decided = 0;
  let asked = 0;
  let lowered = 0;
  let correction: LatencyCorrection | null = null;
  const by = { tlm: 0, guard: 0, 'nothing-feasible': 0 };
  const kept = { sum: 0, n: 0 };
  const timed = { tlmMs: 0, serviceMs: 0 };
  for (const { decision, lowerings, ttftMs, queueMs } of rows) {
    if (lowerings.length > 0) lowered += 1;
    if (decision === null) continue;
    const { decidedBy, tlm, promptTokens, keptTokens } = decision;
    decided += 1;
    correction = decision.correction;
    if (decidedBy === 'tlm' || decidedBy === 'guard' || decidedBy === 'nothing-feasible') by[decidedBy] += 1;
    if (tlm === null) continue;
    asked += 1;
    if (promptTokens > 0) {
      kept.sum += keptTokens / promptTokens;
      kept.n += 1;
    }
    if (ttftMs !== null && queueMs !== null) {
      timed.tlmMs += tlm.ms;
      timed.serviceMs += ttftMs - queueMs;
    }
  }
  return {
    decided,
    tlmShare: share(by.tlm, decided),
    guardShare: share(by.guard, decided),
    nothingFeasibleShare: share(by['nothing-feasible'], decided),
    asked,
    keptShare: share(kept.sum, kept.n),
    tlmShareOfTtft: share(timed.tlmMs, timed.serviceMs),
    lowered,
    correction,
  };
}

function share(part: number, whole: number): number | null {
  return whole <= 0 ? null : part / whole;
}
