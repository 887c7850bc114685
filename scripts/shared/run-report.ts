import type { Session } from '../../core/desktop-state.ts';
import type { Device } from '../../core/device.ts';
import type { RunRecord } from '../../core/run-record.ts';

/** The JSON object that a headless run ends with. */
export function runReport(
  run: RunRecord,
  session: Session,
  device: Device | undefined,
  bundleDir: string,
): object {
  const { summary } = run;
  if (summary === null) throw new Error('a finished run has a summary');
  return {
    run: run.id,
    status: run.status,
    failure: run.failure,
    device: run.device,
    /** As adb told at the end of the run; null = the phone does not tell. */
    phone: {
      soc: device?.soc ?? null,
      abi: device?.abi ?? null,
      hardware: device?.hardware ?? null,
      telemetry: device?.telemetry ?? null,
    },
    model: run.model,
    bundle: { ...run.bundle, path: bundleDir },
    trace: run.trace,
    durationSeconds: summary.durationMs / 1000,
    requests: summary.requests,
    sloAttainment: summary.sloAttainment,
    serviceAttainment: summary.serviceAttainment,
    goodputPerSecond: summary.goodputPerSecond,
    ttftMs: summary.ttftMs,
    serviceTtftMs: summary.serviceTtftMs,
    tpotMs: summary.tpotMs,
    queueMs: summary.queueMs,
    levelSwitches: summary.levelSwitches,
    levelLowerings: summary.levelLowerings,
    levelsUsed: summary.levelsUsed,
    decisions: summary.decisions,
    promptShareKept: summary.promptShareKept,
    tlmShareOfTtft: summary.tlmShareOfTtft,
    tlmShareOfFullTtft: summary.tlmShareOfFullTtft,
    heat: summary.heat,
    perApp: summary.perApp,
    push: session.pushReport,
    environment: run.environment,
  };
}
