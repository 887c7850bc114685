import type { DesktopBridge, DesktopUpdate } from '../../core/desktop-contract.ts';
import { LiveStore } from '../live/live-store.ts';
import { useDesktop } from './desktop-store.ts';
import { useShown } from './shown-store.ts';

/** The window shows new data at most this often; between two, it does nothing. */
const PUBLISH_EVERY_MS = 100;
/** While a run is on, the time axis moves on even when nothing happens. */
const TICK_MS = 250;

const live = new LiveStore();
let currentRunId: string | null = null;

/** Puts an update into the store; apart from the frames that show it. */
function take(update: DesktopUpdate): void {
  const { state } = update;
  if (state !== undefined) {
    const runId = state.run?.id ?? null;
    if (state.run !== null && runId !== currentRunId) live.startRun(Date.parse(state.run.startedAt));
    live.apply(update.live);
    if (runId === null && currentRunId !== null) live.endRun();
    currentRunId = runId;
  } else live.apply(update.live);
  useDesktop.setState({
    connection: 'open',
    dropped: update.dropped,
    ...(state === undefined ? {} : { state }),
  });
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
    if (useShown.getState().mode === 'live') useShown.setState({ view: live.view, nowMs: rightEnd() });
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
