import { e2elMs, judgeSlo, tpotMs, ttftMs } from '../../core/metrics.ts';
import type { Decision, ElasticReport } from '../../core/strategy.ts';
import type { GenerationEnd } from '../engine/generate.ts';
import type { AgentRequest } from './request.ts';

/** The decision of a request and what came of it. */
export function elasticReport(
  request: AgentRequest,
  decision: Decision,
  queueMs: number,
  tokenAtMs: readonly number[],
  ahead: GenerationEnd['ahead'],
): ElasticReport {
  const times = { arrivedAtMs: request.arrivedAtMs, tokenAtMs };
  const measured = { ttftMs: ttftMs(times), tpotMs: tpotMs(times) };
  return {
    ...decision,
    requestId: request.id,
    app: request.app,
    measured: { queueMs, ...measured, e2elMs: e2elMs(times) },
    ...(ahead === null ? {} : { prefilledAhead: ahead }),
    sloHit:
      decision.limits === null ? { ttft: null, tpot: null, met: null } : judgeSlo(decision.limits, measured),
  };
}
