import { ADB_STATE_WORDS, type Device } from '../../core/device.ts';
import type { BundleRow, DesktopState, Session } from '../../core/desktop-state.ts';

/** The one obvious thing to do now: phone, bundle, start. */
export interface NextStep {
  readonly kind: 'wait' | 'connect' | 'bundle' | 'preparing' | 'start' | 'run' | 'running';
  /** On the button. */
  readonly label: string;
  /** One sentence for empty states. */
  readonly hint: string;
}

export interface Choice {
  readonly serial: string | null;
  readonly bundleId: string | null;
}

/** The phone in use: the user's choice while it is there, else the session's, else the first usable one. */
export function chosenDevice(state: DesktopState, choice: Choice): Device | null {
  const bySerial = (serial: string | null | undefined): Device | undefined =>
    state.devices.find((device) => device.serial === serial);
  return (
    bySerial(choice.serial) ??
    bySerial(sessionInUse(state)?.serial) ??
    state.devices.find(({ state: adb }) => adb === 'device') ??
    state.devices[0] ??
    null
  );
}

/** As {@link chosenDevice}; the small built-in model only where there is no other. */
export function chosenBundle(state: DesktopState, choice: Choice): BundleRow | null {
  const sound = state.bundles.filter(({ failure }) => failure === null);
  const byId = (id: string | null | undefined): BundleRow | undefined => sound.find((row) => row.id === id);
  return (
    byId(choice.bundleId) ??
    byId(sessionInUse(state)?.bundleId) ??
    sound.find(({ builtIn }) => !builtIn) ??
    sound[0] ??
    null
  );
}

const OVER: readonly Session['phase'][] = ['failed', 'stopped', 'lost'];

/** The session unless it is over. */
export function sessionInUse(state: DesktopState): Session | null {
  return state.session === null || OVER.includes(state.session.phase) ? null : state.session;
}

export function deviceName(device: Pick<Device, 'alias' | 'model' | 'serial'>): string {
  return device.alias ?? device.model ?? device.serial;
}

export const PHASE_WORDS: Readonly<Record<Session['phase'], string>> = {
  pushing: 'pushing the bundle',
  starting: 'starting the agent',
  proving: 'proving the phone’s execution providers',
  profiling: 'measuring the phone',
  ready: 'ready',
  restarting: 'restarting the agent',
  lost: 'phone lost',
  failed: 'failed',
  stopped: 'stopped',
};

export function nextStep(state: DesktopState | null, choice: Choice): NextStep {
  if (state === null)
    return { kind: 'wait', label: 'Starting …', hint: 'Waiting for Bungee’s services on this computer.' };
  if (state.run !== null) return { kind: 'running', label: 'Stop', hint: 'Requests are being sent.' };
  const device = chosenDevice(state, choice);
  if (device === null)
    return {
      kind: 'connect',
      label: 'Connect a phone',
      hint: state.adb.connected
        ? 'Plug in a phone with USB debugging switched on, or connect one by its address.'
        : `adb at ${state.adb.host}:${state.adb.port} does not answer, so no phone can be seen. Doctor says more.`,
    };
  if (device.state !== 'device') {
    const { words, remedy } = ADB_STATE_WORDS[device.state];
    return {
      kind: 'connect',
      label: 'Connect a phone',
      hint: `${deviceName(device)} ${words}. ${remedy ?? ''}`.trim(),
    };
  }
  const bundle = chosenBundle(state, choice);
  if (bundle === null)
    return {
      kind: 'bundle',
      label: 'Add a bundle',
      hint: 'No bundle yet. Add the folder of one, or make one with `npm run elasticize`.',
    };
  const session = sessionInUse(state);
  if (session !== null && session.phase !== 'ready')
    return {
      kind: 'preparing',
      label: 'Cancel',
      hint: `${deviceName(device)}: ${PHASE_WORDS[session.phase]} …`,
    };
  if (session !== null && session.serial === device.serial && session.bundleId === bundle.id)
    return {
      kind: 'run',
      label: 'Run',
      hint: `${deviceName(device)} is ready. Run sends the six apps’ requests, each with its SLO.`,
    };
  return {
    kind: 'start',
    label: 'Start',
    hint: `Start pushes ${bundle.name} to ${deviceName(device)}, starts the agent and sends requests.`,
  };
}
