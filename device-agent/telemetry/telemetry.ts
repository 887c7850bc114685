import type { EventLog } from './event-log.ts';
import { createCpuLoadMeter, readPssBytes } from './process-stats.ts';

const BUSY_INTERVAL_MS = 1_000;
const IDLE_INTERVAL_MS = 5_000;

/** Emits a telemetry event every second while busy and every five while idle. @returns a stop function. */
export function startTelemetry(
  events: EventLog,
  state: { readonly busy: () => boolean; readonly queueLength: () => number },
): () => void {
  const cpuLoad = createCpuLoadMeter();
  let lastMs = performance.now();
  let sampling = false;
  const sample = async (): Promise<void> => {
    const interval = state.busy() ? BUSY_INTERVAL_MS : IDLE_INTERVAL_MS;
    if (sampling || performance.now() - lastMs < interval - BUSY_INTERVAL_MS / 2) return;
    sampling = true;
    lastMs = performance.now();
    const pssBytes = await readPssBytes();
    events.emit({
      type: 'telemetry',
      queueLength: state.queueLength(),
      pssBytes,
      rssBytes: process.memoryUsage.rss(),
      cpuLoad: cpuLoad(),
    });
    sampling = false;
  };
  const timer = setInterval(() => void sample(), BUSY_INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}
