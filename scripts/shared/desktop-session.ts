import type { Session } from '../../core/desktop-state.ts';
import { ADB_STATE_WORDS, type Device } from '../../core/device.ts';
import { fail, ok, unwrap, type Result } from '../../core/result.ts';
import { startDesktopService, type DesktopService } from '../../electron/desktop/desktop-service.ts';
import { narrateSession } from './narrate-session.ts';
import { setUpPhone, type PhoneFlags, type PhoneSetup } from './phone-setup.ts';

export interface DesktopContext {
  readonly service: DesktopService;
  readonly setup: PhoneSetup;
}

/** Phone and desktop services without a window, for as long as `use` takes. Throws `FailureError`. */
export async function withDesktop<T>(
  flags: PhoneFlags,
  signal: AbortSignal,
  use: (context: DesktopContext) => Promise<T>,
): Promise<T> {
  const setup = unwrap(await setUpPhone(flags, 'headless', signal));
  try {
    const service = unwrap(await startDesktopService(setup.options));
    try {
      return await use({ service, setup });
    } finally {
      await service.close();
    }
  } finally {
    await setup.virtualPhone?.stop();
  }
}

/** As {@link withDesktop}, with a ready agent; it is stopped afterwards: a command leaves nothing running. */
export function withReadySession<T>(
  flags: PhoneFlags,
  signal: AbortSignal,
  use: (context: DesktopContext & { readonly session: Session }) => Promise<T>,
): Promise<T> {
  return withDesktop(flags, signal, async ({ service, setup }) => {
    const stopNarrating = narrateSession(service);
    try {
      const session = await bringUpSession(service, setup, signal);
      return await use({ service, setup, session });
    } finally {
      stopNarrating();
      await service.call('session.stop', {});
    }
  });
}

/** Waits until the phone is usable. Failure `phone-not-ready`, in the words of its adb state. */
export async function waitForPhone(
  service: DesktopService,
  serial: string,
  signal: AbortSignal,
): Promise<Result<Device>> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    signal.throwIfAborted();
    const device = service.state().devices.find((candidate) => candidate.serial === serial);
    if (device?.state === 'device' && device.model !== null) return ok(device);
    if (performance.now() > deadline) {
      const { words, remedy } = ADB_STATE_WORDS[device?.state ?? 'gone'];
      return device === undefined
        ? fail(
            'phone-not-ready',
            `adb shows no phone ${serial}.`,
            'See `adb devices`, or use --phone virtual.',
          )
        : fail('phone-not-ready', `Phone ${serial} ${words}.`, remedy ?? undefined);
    }
    await new Promise((done) => setTimeout(done, 100));
  }
}

/** Push, agent, profile: the whole way to a ready session. Throws `FailureError`. */
async function bringUpSession(
  service: DesktopService,
  setup: PhoneSetup,
  signal: AbortSignal,
): Promise<Session> {
  const serial = setup.serial ?? '';
  unwrap(await waitForPhone(service, serial, signal));
  const stop = (): void => void service.call('session.stop', {});
  signal.addEventListener('abort', stop, { once: true });
  try {
    unwrap(await service.call('session.start', { serial, bundleId: setup.bundleId }));
  } finally {
    signal.removeEventListener('abort', stop);
  }
  const { session } = service.state();
  if (session === null) throw new Error('a started session is in the state');
  return session;
}
