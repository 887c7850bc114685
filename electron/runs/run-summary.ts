import { APP_IDS, type AppId } from '../../core/app.ts';
import {
  goodputPerSecond,
  itlMs,
  judgeService,
  serviceTtftMs,
  sloAttainment,
  type JudgedRequest,
  type RequestOutcome,
} from '../../core/metrics.ts';
import type { DeviceTelemetry } from '../../core/device.ts';
import type { Heat, RunFigures, RunSummary } from '../../core/run-record.ts';
import { summarize } from '../../core/statistics.ts';
import type { DecidedBy, ElasticReport } from '../../core/strategy.ts';

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

/** What happened to the phone in a run, besides its requests. */
export interface PhoneHistory {
  /** Level switches, `lowerings` among them. */
  readonly switches: number;
  /** Inside of a request, because its TPOT drifted over the bound. */
  readonly lowerings: number;
  readonly heat: Heat | null;
}

/** Figures of a run by the definitions of core/metrics.ts; latencies are of completed requests. */
export function summarizeRun(
  requests: readonly RunRequest[],
  durationMs: number,
  { switches, lowerings, heat }: PhoneHistory,
): RunSummary {
  const served = requests.flatMap(({ report, outcome }) =>
    report === null || outcome !== 'completed' ? [] : [report],
  );
  const levelsUsed: Record<string, number> = {};
  const decisions: Partial<Record<DecidedBy, number>> = {};
  for (const { strategy, decidedBy } of served) {
    const level = String(strategy.modelLevel);
    levelsUsed[level] = (levelsUsed[level] ?? 0) + 1;
    decisions[decidedBy] = (decisions[decidedBy] ?? 0) + 1;
  }
  const perApp: Partial<Record<AppId, RunFigures>> = {};
  for (const app of APP_IDS) {
    const own = requests.filter((request) => request.app === app);
    if (own.length > 0) perApp[app] = figures(own, durationMs);
  }
  return {
    ...figures(requests, durationMs),
    durationMs,
    levelSwitches: switches,
    levelLowerings: lowerings,
    heat,
    levelsUsed,
    decisions,
    promptShareKept: summarize(served.map(shareKept)).mean,
    tlmShareOfTtft: summarize(served.map(tlmShare)).mean,
    tlmShareOfFullTtft: summarize(served.map(tlmShareOfFull)).mean,
    perApp,
  };
}

/** Heat so far with one more sample of the phone's telemetry. */
export function addHeat(heat: Heat | null, { skinC, ...told }: DeviceTelemetry): Heat | null {
  if (skinC === null) return heat;
  const larger = (a: number | null, b: number | null): number | null =>
    a === null || b === null ? (a ?? b) : Math.max(a, b);
  return {
    startC: heat?.startC ?? skinC,
    endC: skinC,
    maxC: Math.max(heat?.maxC ?? skinC, skinC),
    maxStatus: larger(heat?.maxStatus ?? null, told.thermalStatus),
    maxCpuCoolingState: larger(heat?.maxCpuCoolingState ?? null, told.cpuCoolingState),
  };
}

function shareKept({ promptTokens, keptTokens }: ElasticReport): number | null {
  return promptTokens === 0 ? null : keptTokens / promptTokens;
}

function tlmShareOfFull({ tlm, reference }: ElasticReport): number | null {
  return tlm === null || reference === null || reference.ttftMs === 0 ? null : tlm.ms / reference.ttftMs;
}

/** null where the TLM was not asked. */
function tlmShare({ tlm, measured }: ElasticReport): number | null {
  const ttftMs = serviceTtftMs(measured);
  return tlm === null || ttftMs === null || ttftMs === 0 ? null : tlm.ms / ttftMs;
}

function figures(requests: readonly RunRequest[], durationMs: number): RunFigures {
  const completed = requests.filter((request) => request.outcome === 'completed');
  const measured = completed.flatMap(({ report }) => (report === null ? [] : [report.measured]));
  const judged = requests.map(judge);
  const judgedService = requests.map(judgeAsServed);
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
    serviceAttainment: sloAttainment(judgedService),
    goodputPerSecond: goodputPerSecond(judged, durationMs),
    ttftMs: summarize(measured.map((m) => m.ttftMs)),
    serviceTtftMs: summarize(measured.map(serviceTtftMs)),
    tpotMs: summarize(measured.map((m) => m.tpotMs)),
    itlMs: summarize(completed.flatMap(({ tokenAtMs }) => itlMs({ arrivedAtMs: 0, tokenAtMs }))),
    e2elMs: summarize(measured.map((m) => m.e2elMs)),
    queueMs: summarize(measured.map((m) => m.queueMs)),
  };
}

function judge({ outcome, hasSlo, report }: RunRequest): JudgedRequest {
  return { outcome, hasSlo, met: report?.sloHit.met ?? null };
}

/** Without limits (ratios on a phone without profile) there is nothing to judge, as in the report's own verdict. */
function judgeAsServed({ outcome, hasSlo, report }: RunRequest): JudgedRequest {
  const limits = report?.limits ?? null;
  const met = report === null || limits === null ? null : judgeService(limits, report.measured).met;
  return { outcome, hasSlo, met };
}
