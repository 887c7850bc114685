import type { Session } from '../../core/desktop-state.ts';
import { ADB_STATE_WORDS, type Device } from '../../core/device.ts';
import { fail, ok, type Result } from '../../core/result.ts';

/** A session without an agent. */
export const IDLE = {
  agent: null,
  instruction: null,
  baseUrl: null,
  push: null,
  profileProgress: null,
} as const;

/** A session at its very beginning. */
export function newSession(serial: string, bundleId: string): Session {
  return {
    serial,
    bundleId,
    pack: null,
    instruction: null,
    phase: 'pushing',
    push: null,
    pushReport: null,
    agent: null,
    baseUrl: null,
    health: null,
    profileProgress: null,
    profile: null,
    proof: null,
    restarts: 0,
    failure: null,
  };
}

/** The phone, if adb says that it can be used; else failure `phone-not-ready` in the words of its state. */
export function phoneReady(serial: string, device: Device | undefined): Result<Device> {
  if (device === undefined)
    return fail('phone-not-ready', `There is no phone ${serial}.`, 'Plug it in, or run `npm run doctor`.');
  if (device.state === 'device') return ok(device);
  const { words, remedy } = ADB_STATE_WORDS[device.state];
  return fail('phone-not-ready', `Phone ${serial} ${words}.`, remedy ?? undefined);
}

/** Failure `session-not-ready`, for what needs a running agent. */
export function notReady(session: Session | null): Result<never> {
  return fail(
    'session-not-ready',
    session === null
      ? 'No agent runs: no phone and bundle are chosen.'
      : `The session is ${session.phase}, not ready.`,
    'Choose a phone and a bundle and start the session.',
  );
}
