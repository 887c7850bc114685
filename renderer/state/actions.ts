import type { AppId } from '../../core/app.ts';
import type { Level } from '../../core/level.ts';
import type { Slo } from '../../core/slo.ts';
import type { TraceSpec } from '../../core/trace.ts';
import { viewOfRun } from '../live/live-store.ts';
import { call, stateWhere, useDesktop } from './desktop-store.ts';
import { showLive } from './live-feed.ts';
import { chosenBundle, chosenDevice, nextStep, sessionInUse } from './next-step.ts';
import { shown } from './notices.ts';
import { useShown } from './shown-store.ts';
import { closeDialog, look, openDialog, useView } from './view-store.ts';

let starting: AbortController | null = null;

/** The trace that the next run uses: the services' default with the user's changes. */
export function traceToRun(): TraceSpec | null {
  const { state } = useDesktop.getState();
  return state === null ? null : { ...state.trace, ...useView.getState().traceDraft };
}

/** Brings the phone to `ready`, if it is not, and starts a run: one press does all of it. */
export async function startAndRun(): Promise<void> {
  const { state } = useDesktop.getState();
  const trace = traceToRun();
  if (state === null || trace === null || starting !== null) return;
  const device = chosenDevice(state, useView.getState());
  const bundle = chosenBundle(state, useView.getState());
  if (device === null || bundle === null) return;
  starting = new AbortController();
  try {
    const session = sessionInUse(state);
    if (session?.phase !== 'ready' || session.serial !== device.serial || session.bundleId !== bundle.id) {
      const request = { serial: device.serial, bundleId: bundle.id };
      if (!(await shown('Start', call('session.start', request))).ok) return;
      // The command may answer before the agent is ready: the state says when it is, or why it is not.
      const settled = await stateWhere(
        ({ session: now }) => now === null || ['ready', 'failed', 'stopped', 'lost'].includes(now.phase),
        starting.signal,
      );
      if (settled?.session?.phase !== 'ready') return;
    }
    if (useShown.getState().mode !== 'live') showLive();
    look({ selection: null, zoom: null });
    await shown('Run', call('run.start', { trace }));
  } finally {
    starting = null;
  }
}

export async function stopRun(): Promise<void> {
  await shown('Stop', call('run.stop', {}));
}

/** Cancels a push or a profile in progress, or stops the agent. */
export async function stopSession(): Promise<void> {
  starting?.abort();
  await shown('Stop the agent', call('session.stop', {}));
}

/** What the primary button does. */
export async function doNextStep(): Promise<void> {
  const { kind } = nextStep(useDesktop.getState().state, useView.getState());
  switch (kind) {
    case 'connect':
      return openDialog('connect');
    case 'bundle':
      return openDialog('add-bundle');
    case 'start':
    case 'run':
      return startAndRun();
    case 'preparing':
      return stopSession();
    case 'running':
      return stopRun();
    case 'wait':
      return;
  }
}

export async function pinLevel(level: Level | null): Promise<void> {
  await shown('Pin level', call('level.pin', { level }));
}

export async function setSlo(app: AppId, slo: Slo): Promise<void> {
  await shown('Set SLO', call('slo.set', { app, slo }));
}

/** For the run in progress at once, and for the next. */
export async function setLoad(requestsPerMinute: number): Promise<void> {
  await shown('Set load', call('run.load', { requestsPerMinute }));
}

export async function openRun(id: string): Promise<void> {
  useShown.setState({ opening: id });
  const result = await shown('Open run', call('run.read', { id }));
  if (useShown.getState().opening !== id) return;
  if (!result.ok) return useShown.setState({ opening: null });
  const { run, events } = result.value;
  const view = viewOfRun(events, Date.parse(run.startedAt), run.status !== 'running');
  look({ selection: null, zoom: null, expandedId: null, filter: '', app: null });
  useShown.setState({ mode: 'past', past: run, view, nowMs: view.endMs, opening: null });
}

/** Saves a run as a file through the browser's download. */
export async function exportRun(id: string, format: 'json' | 'csv'): Promise<void> {
  const file = await shown('Export', call('run.export', { id, format }));
  if (!file.ok) return;
  const type = format === 'json' ? 'application/json' : 'text/csv';
  const address = URL.createObjectURL(new Blob([file.value.text], { type }));
  const link = document.createElement('a');
  link.href = address;
  link.download = file.value.fileName;
  link.click();
  // The download has taken its own hold of the blob by the next turn of the event loop.
  window.setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export async function deleteRun(id: string): Promise<void> {
  closeDialog();
  if (useShown.getState().past?.id === id) showLive();
  await shown('Delete run', call('run.delete', { id }));
}

/** @returns whether it worked, so that its dialog can stay open with the user's text. */
export async function connectPhone(address: string): Promise<boolean> {
  const result = await shown('Connect', call('device.connect', { address }));
  if (!result.ok) return false;
  look({ serial: result.value.serial });
  return true;
}

/** As {@link connectPhone}. */
export async function addBundle(path: string): Promise<boolean> {
  const added = await shown('Add bundle', call('bundle.add', { path }));
  if (!added.ok) return false;
  look({ bundleId: added.value.bundleId });
  return true;
}

export async function setAlias(serial: string, alias: string): Promise<void> {
  await shown('Rename', call('device.alias', { serial, alias: alias.trim() === '' ? null : alias.trim() }));
}

export async function measureProfile(mode: 'quick' | 'full'): Promise<void> {
  await shown('Measure profile', call('profile.measure', { mode }));
}

export async function runDoctor(): Promise<void> {
  look({ tab: 'doctor' });
  await shown('Doctor', call('doctor.run', {}));
}

/** Live shows data as it comes; paused holds still what is on screen while data goes on being kept. */
export function togglePause(): void {
  const { mode } = useShown.getState();
  if (mode === 'live') useShown.setState({ mode: 'paused' });
  else showLive();
}
