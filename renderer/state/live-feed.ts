import type { DesktopBridge, DesktopUpdate } from '../../core/desktop-contract.ts';
import type { LiveEvent } from '../../core/run-record.ts';
import { LiveStore } from '../live/live-store.ts';
import { call, useDesktop } from './desktop-store.ts';
import { useShown } from './shown-store.ts';

/** The window shows new data at most this often; between two, it does nothing. */
const PUBLISH_EVERY_MS = 150;
/** While a run is on, the time axis moves on even when nothing happens. */
const TICK_MS = 250;

const live = new LiveStore();
let currentRunId: string | null = null;
/** Events that wait until the beginning of their run has been read; null when there is nothing to read. */
let waiting: LiveEvent[] | null = null;

/** Puts an update into the store; apart from the frames that show it. */
function take(update: DesktopUpdate): void {
  const { state } = update;
  const first = useDesktop.getState().state === null;
  useDesktop.setState({
    connection: 'open',
    dropped: update.dropped,
    ...(state === undefined ? {} : { state }),
  });
  const run = state === undefined ? undefined : state.run;
  if (run !== undefined && run !== null && run.id !== currentRunId) {
    live.startRun(Date.parse(run.startedAt));
    // Opened, or loaded again, in the middle of a run: its beginning is on the disk.
    if (first) void readBeginning(run.id);
  }
  if (waiting !== null) waiting.push(...update.live);
  else live.apply(update.live);
  if (run === null && currentRunId !== null) live.endRun();
  if (run !== undefined) currentRunId = run?.id ?? null;
}

async function readBeginning(id: string): Promise<void> {
  waiting = [];
  const result = await call('run.read', { id });
  const events = result.ok ? result.value.events : [];
  const lastMs = events.at(-1)?.hostAtMs ?? -Infinity;
  const later: readonly LiveEvent[] = waiting;
  waiting = null;
  live.apply(events);
  live.apply(later.filter(({ hostAtMs }) => hostAtMs > lastMs));
  if (useShown.getState().mode === 'live') showLive();
}

/** Shows the newest live data now. */
export function showLive(): void {
  useShown.setState({ mode: 'live', view: live.view, past: null, opening: null, nowMs: rightEnd() });
}

/** The axis ends now while a run is on, and at the last event otherwise, so that an idle window rests. */
function rightEnd(): number | null {
  return currentRunId === null ? live.view.endMs : Math.max(Date.now(), live.view.endMs ?? 0);
}

/**
 * Feeds updates into the live view. Frames come from `requestAnimationFrame`, which does not fire while
 * the window is hidden: data is kept, nothing is drawn.
 *
 * @returns unsubscribe.
 */
export function startFeed(bridge: DesktopBridge): () => void {
  let scheduled: number | null = null;
  let lastFrameMs = 0;
  const frame = (): void => {
    scheduled = null;
    lastFrameMs = performance.now();
    const shown = useShown.getState();
    const next = { view: live.view, nowMs: rightEnd() };
    // Most updates of an idle desktop change nothing here: then nothing is to be drawn.
    if (shown.mode === 'live' && (shown.view !== next.view || shown.nowMs !== next.nowMs))
      useShown.setState(next);
  };
  const schedule = (): void => {
    if (scheduled !== null) return;
    const waitMs = Math.max(0, lastFrameMs + PUBLISH_EVERY_MS - performance.now());
    scheduled = window.setTimeout(() => window.requestAnimationFrame(frame), waitMs);
  };
  const ticker = window.setInterval(() => {
    if (currentRunId !== null && !document.hidden) schedule();
  }, TICK_MS);
  const unsubscribe = bridge.subscribe((update) => {
    take(update);
    schedule();
  });
  return () => {
    unsubscribe();
    window.clearInterval(ticker);
    if (scheduled !== null) window.clearTimeout(scheduled);
  };
}
