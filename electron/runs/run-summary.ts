import { APP_IDS, type AppId } from '../../core/app.ts';
import {
  goodputPerSecond,
  itlMs,
  sloAttainment,
  type JudgedRequest,
  type RequestOutcome,
} from '../../core/metrics.ts';
import type { RunFigures, RunSummary } from '../../core/run-record.ts';
import { summarize } from '../../core/statistics.ts';
import type { ElasticReport } from '../../core/strategy.ts';

/** A request of a run, as far as the figures need it. */
export interface RunRequest {
  readonly requestId: string;
  readonly app: AppId;
  readonly hasSlo: boolean;
  outcome: RequestOutcome;
  /** null until the agent reported it, or for ever when it never got there. */
  report: ElasticReport | null;
  /** The phone's monotonic ms of each streamed token. */
  readonly tokenAtMs: number[];
}

/** Figures of a run by the definitions of core/metrics.ts; latencies are of completed requests. */
export function summarizeRun(
  requests: readonly RunRequest[],
  durationMs: number,
  levelSwitches: number,
): RunSummary {
  const levelsUsed: Record<string, number> = {};
  for (const { report, outcome } of requests) {
    if (report === null || outcome !== 'completed') continue;
    const level = String(report.strategy.modelLevel);
    levelsUsed[level] = (levelsUsed[level] ?? 0) + 1;
  }
  const perApp: Partial<Record<AppId, RunFigures>> = {};
  for (const app of APP_IDS) {
    const own = requests.filter((request) => request.app === app);
    if (own.length > 0) perApp[app] = figures(own, durationMs);
  }
  return { ...figures(requests, durationMs), durationMs, levelSwitches, levelsUsed, perApp };
}

function figures(requests: readonly RunRequest[], durationMs: number): RunFigures {
  const completed = requests.filter((request) => request.outcome === 'completed');
  const measured = completed.flatMap(({ report }) => (report === null ? [] : [report.measured]));
  const judged = requests.map(judge);
  const count = (...outcomes: RequestOutcome[]): number =>
    requests.filter((request) => outcomes.includes(request.outcome)).length;
  return {
    requests: {
      sent: requests.length,
      completed: completed.length,
      failed: count('failed'),
      cutOff: count('cut-off', 'cancelled'),
    },
    sloAttainment: sloAttainment(judged),
    goodputPerSecond: goodputPerSecond(judged, durationMs),
    ttftMs: summarize(measured.map((m) => m.ttftMs)),
    tpotMs: summarize(measured.map((m) => m.tpotMs)),
    itlMs: summarize(completed.flatMap(({ tokenAtMs }) => itlMs({ arrivedAtMs: 0, tokenAtMs }))),
    e2elMs: summarize(measured.map((m) => m.e2elMs)),
    queueMs: summarize(measured.map((m) => m.queueMs)),
  };
}

function judge({ outcome, hasSlo, report }: RunRequest): JudgedRequest {
  return { outcome, hasSlo, met: report?.sloHit.met ?? null };
}
