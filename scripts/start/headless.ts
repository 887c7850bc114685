import { APPS } from '../../core/app.ts';
import { formatSlo } from '../../core/slo.ts';
import { FailureError, unwrap } from '../../core/result.ts';
import type { LiveEvent, RunRecord } from '../../core/run-record.ts';
import type { TraceSpec } from '../../core/trace.ts';
import { say } from '../shared/command-line.ts';
import { withReadySession } from '../shared/desktop-session.ts';
import { runReport } from '../shared/run-report.ts';
import { traceSpecOf } from '../shared/trace-flags.ts';
import type { StartFlags } from './start-flags.ts';

const DEFAULT_DURATION_S = 30;
/** An emulated processor takes seconds for a prompt: at the usual load a run would tell of the queue alone. */
const EMULATED_REQUESTS_PER_MINUTE = 10;

function ms(value: number | null): string {
  return value === null ? '–' : `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

function share(value: number | null): string {
  return value === null ? '–' : `${(value * 100).toFixed(1)} %`;
}

/** One line per finished request, as a person watches it. */
function describeFinished(event: LiveEvent): string | null {
  if (event.kind === 'client-failed') return `${event.app}: failed: ${event.failure}`;
  if (event.kind !== 'agent' || event.event.type !== 'request-finished') return null;
  const { report, outcome, failure } = event.event;
  if (report === null) return outcome === 'cancelled' ? null : `${outcome}: ${failure ?? ''}`;
  const name = APPS.find(({ id }) => id === report.app)?.name ?? report.app ?? '–';
  const { measured, limits, sloHit, strategy } = report;
  const verdict = outcome !== 'completed' ? outcome : sloHit.met === null ? '–' : sloHit.met ? 'hit' : 'miss';
  const slo = report.slo === null ? '' : ` ${formatSlo(report.slo)}`;
  return (
    `${name.padEnd(9)}${slo.padEnd(13)} prompt ${strategy.promptLevel.toFixed(1)} level ${String(strategy.modelLevel).padStart(3)} ` +
    ` TTFT ${ms(measured.ttftMs)} of ${ms(limits?.ttftMs ?? null)} (${ms(measured.queueMs)} waiting) ` +
    ` TPOT ${ms(measured.tpotMs)} of ${ms(limits?.tpotMs ?? null)}  ${verdict}`
  );
}

/** A trace that ends: table3 by its count, others after their own duration or 30 s. */
function boundedTrace(trace: TraceSpec): TraceSpec {
  return trace.kind === 'table3' ? trace : { ...trace, durationS: trace.durationS ?? DEFAULT_DURATION_S };
}

/** The trace at a load that an emulated processor carries, unless the user or a file of theirs names one. */
function relieved(trace: TraceSpec, { load, trace: named }: StartFlags): TraceSpec {
  if (load !== undefined || trace.kind !== named) return trace;
  say(
    `load: ${EMULATED_REQUESTS_PER_MINUTE} requests a minute on an emulated processor; --load names another.`,
  );
  return { ...trace, requestsPerMinute: EMULATED_REQUESTS_PER_MINUTE };
}

/** Phone, bundle, agent and one trace without a window; ends when the trace does. */
export async function startHeadless(flags: StartFlags, signal: AbortSignal): Promise<object> {
  const trace = boundedTrace(unwrap(traceSpecOf(flags)));
  return withReadySession(flags, signal, async ({ service, setup, session }) => {
    const watching = service.subscribe(({ live }) => {
      for (const event of live) {
        const line = describeFinished(event);
        if (line !== null) say(line);
      }
      return true;
    });
    const isEmulated = setup.virtualPhone?.phone.isEmulated === true;
    unwrap(await service.call('run.start', { trace: isEmulated ? relieved(trace, flags) : trace }));
    const stop = (): void => void service.call('run.stop', {});
    signal.addEventListener('abort', stop, { once: true });
    const run = await service.runFinished();
    signal.removeEventListener('abort', stop);
    watching.unsubscribe();
    if (run === null) throw new Error('the run that was started has an end');
    sayFigures(run);
    if (run.status === 'failed')
      throw new FailureError({
        code: 'run-failed',
        message: `The run failed: ${run.failure ?? 'unknown reason'}`,
      });
    const state = service.state();
    const device = state.devices.find(({ serial }) => serial === run.device.serial);
    return runReport(run, state.session ?? session, device, setup.bundleDir);
  });
}

function sayFigures({ id, summary, environment }: RunRecord): void {
  if (summary === null) return;
  const { perApp, decisions, heat } = summary;
  for (const { id: app, name, slo } of APPS) {
    const figures = perApp[app];
    if (figures === undefined) continue;
    say(
      `${name.padEnd(9)}${formatSlo(slo).padEnd(13)}${String(figures.requests.sent).padStart(4)} requests, ` +
        `SLO attainment ${share(figures.serviceAttainment)} served, ${share(figures.sloAttainment)} with the queue`,
    );
  }
  const reasons = Object.entries(decisions).map(([by, n]) => `${by} ${n}`);
  say(
    `decided by: ${reasons.join(', ') || 'nobody'}; prompt kept ${share(summary.promptShareKept)}, ` +
      `TLM ${share(summary.tlmShareOfFullTtft)} of the full model's TTFT (${share(summary.tlmShareOfTtft)} of the served), ${summary.levelLowerings} levels lowered inside of a request`,
  );
  if (heat !== null)
    say(
      `case ${heat.startC.toFixed(0)} -> ${heat.endC.toFixed(0)} °C, at most ${heat.maxC.toFixed(0)} °C, ` +
        `thermal status up to ${heat.maxStatus ?? '–'}, CPU cooling state up to ${heat.maxCpuCoolingState ?? '–'}`,
    );
  say(
    `run ${id}: ${summary.requests.completed} of ${summary.requests.sent} completed, ` +
      `SLO attainment ${share(summary.serviceAttainment)} served, ${share(summary.sloAttainment)} with the queue, ` +
      `goodput ${summary.goodputPerSecond.toFixed(2)}/s, ${summary.levelSwitches} level switches; ${environment.description}` +
      `${environment.thermal === true ? ', heat on' : ''}${environment.guardCorrection === false ? ', correction off' : ''}`,
  );
}
