import type { UnstampedEvent } from '../../core/agent-event.ts';
import type { AppId } from '../../core/app.ts';
import type { Level } from '../../core/level.ts';
import type { LiveEvent } from '../../core/run-record.ts';
import type { Slo } from '../../core/slo.ts';
import type { Decision, ElasticReport, StrategyCell } from '../../core/strategy.ts';

/** Builders of live events for tests: everything has a value, tests say only what they are about. */

/** Phone clock 0 is this host time: mixing up the two clocks shows. */
export const PHONE_ZERO_MS = 1_700_000_000_000;

export function agentEvent(atMs: number, event: UnstampedEvent): LiveEvent {
  return { kind: 'agent', hostAtMs: PHONE_ZERO_MS + atMs, event: { seq: 0, atMs, ...event } };
}

export function sent(atMs: number, requestId: string, app: AppId, slo: Slo | null = { ttft: 1 }): LiveEvent {
  return { kind: 'sent', hostAtMs: PHONE_ZERO_MS + atMs, requestId, app, promptIndex: 0, slo };
}

export function queued(atMs: number, requestId: string, app: AppId | null = 'gmail'): LiveEvent {
  return agentEvent(atMs, {
    type: 'request-queued',
    requestId,
    app,
    slo: { ttft: 1 },
    promptTokens: 64,
    queueLength: 1,
  });
}

export function report(requestId: string, change: Partial<ElasticReport> = {}): ElasticReport {
  return {
    requestId,
    app: 'gmail',
    strategy: { promptLevel: 1, modelLevel: 60 },
    decidedBy: 'profile',
    feasible: true,
    slo: { ttft: 1 },
    limits: { ttftMs: 300, tpotMs: null },
    reference: { ttftMs: 300, tpotMs: 20 },
    predicted: { ttftMs: 180, tpotMs: 12 },
    promptTokens: 64,
    keptTokens: 64,
    tlm: null,
    correction: { ttft: 1, tpot: 1 },
    measured: { queueMs: 0, ttftMs: 200, tpotMs: 12, e2elMs: 300 },
    sloHit: { ttft: true, tpot: null, met: true },
    ...change,
  };
}

/** 0.5 and 1 of the prompt at 20 % and 60 %: only the whole prompt at 60 % is not feasible. */
export const GRID: readonly StrategyCell[] = [0.5, 1].flatMap((promptLevel) =>
  ([20, 60] as const).map((modelLevel) => ({
    promptLevel,
    modelLevel,
    ttftMs: 3 * promptLevel * modelLevel,
    tpotMs: modelLevel / 5,
    quality: 0.2 + (promptLevel * modelLevel) / 100,
    feasible: promptLevel * modelLevel < 60,
  })),
);

/** A request that the TLM was asked about. */
export function advised(
  atMs: number,
  requestId: string,
  change: Partial<Decision> = {},
  grid: readonly StrategyCell[] | null = GRID,
): LiveEvent {
  const decision: Decision = {
    ...report(requestId),
    strategy: { promptLevel: 0.5, modelLevel: 60 },
    decidedBy: 'tlm',
    limits: { ttftMs: 150, tpotMs: 15 },
    promptTokens: 64,
    keptTokens: 32,
    tlm: { proposed: { promptLevel: 0.5, modelLevel: 60 }, ms: 5 },
    ...change,
  };
  return agentEvent(atMs, {
    type: 'request-started',
    requestId,
    decision,
    grid: grid === null ? null : [...grid],
    queueMs: 0,
  });
}

export function compressed(atMs: number, requestId: string, words = 4): LiveEvent {
  return agentEvent(atMs, {
    type: 'prompt-compressed',
    requestId,
    promptLevel: 0.5,
    words: Array.from({ length: words }, (_, i) => ({
      text: ` word${i}`,
      score: i === words - 1 ? null : i / words,
      kept: i % 2 === 1,
    })),
  });
}

/** The guard lowers the level inside of a request. */
export function lowered(atMs: number, requestId: string, from: Level = 60, to: Level = 40): LiveEvent {
  return agentEvent(atMs, {
    type: 'level-switched',
    from,
    to,
    requestId,
    switchMs: 0.1,
    reason: 'tpot-drift',
  });
}

export function started(atMs: number, requestId: string, modelLevel: Level = 60, queueMs = 0): LiveEvent {
  const decision = { ...report(requestId), strategy: { promptLevel: 1, modelLevel } };
  return agentEvent(atMs, { type: 'request-started', requestId, decision, grid: null, queueMs });
}

export function token(atMs: number, requestId: string, index: number, text = 'x'): LiveEvent {
  return agentEvent(atMs, { type: 'token', requestId, index, text });
}

export function finished(
  atMs: number,
  requestId: string,
  change: Partial<ElasticReport> = {},
  outcome: 'completed' | 'failed' | 'cancelled' = 'completed',
): LiveEvent {
  return agentEvent(atMs, {
    type: 'request-finished',
    requestId,
    outcome,
    finishReason: outcome === 'completed' ? 'stop' : null,
    failure: outcome === 'failed' ? 'out of memory' : null,
    report: report(requestId, change),
    usage: { prompt_tokens: 64, completion_tokens: 3, total_tokens: 67 },
    queueLength: 0,
  });
}

/** A whole request that hits or misses. */
export function wholeRequest(atMs: number, id: string, app: AppId, met: boolean): LiveEvent[] {
  return [
    sent(atMs, id, app),
    queued(atMs + 1, id, app),
    started(atMs + 2, id),
    token(atMs + 200, id, 0, 'a'),
    token(atMs + 212, id, 1, 'b'),
    finished(atMs + 300, id, { app, sloHit: { ttft: met, tpot: null, met } }),
  ];
}
