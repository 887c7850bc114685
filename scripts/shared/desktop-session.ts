import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Variant } from '../../core/bundle-manifest.ts';
import type { Session } from '../../core/desktop-state.ts';
import type { Device } from '../../core/device.ts';
import { ADB_STATE_WORDS } from '../../core/device.ts';
import { fail, ok, unwrap, type Result } from '../../core/result.ts';
import { adbPortFromEnvironment, findAdb } from '../../electron/adb/adb-server.ts';
import { createAdbkitLink } from '../../electron/adb/adbkit-link.ts';
import { startDesktopService, type DesktopService } from '../../electron/desktop/desktop-service.ts';
import type { DesktopOptions, DesktopOptionsInput } from '../../electron/desktop/options.ts';
import { desktopOptionsSchema } from '../../electron/desktop/options.ts';
import { say } from './command-line.ts';
import { defaultBundle, readBundle } from './default-bundle.ts';
import { cacheFolder, distFolder, PROJECT_FOLDER, stateFolder } from './folders.ts';
import { PhoneProcess } from './phone-process.ts';
import { BUNGEE_VERSION } from './version.ts';

/** Flags that every command with a phone has. */
export interface PhoneFlags {
  /** `virtual` or a serial. */
  readonly phone: string;
  /** Bundle folder; default: the default model's. */
  readonly bundle?: string | undefined;
  readonly variant: Variant;
  readonly threads?: number | undefined;
  readonly thermal?: boolean | undefined;
  readonly linkMbps?: number | undefined;
}

export interface PhoneSetup {
  readonly options: DesktopOptions;
  /** Serial to use first; null = the user chooses in the window. */
  readonly serial: string | null;
  readonly bundleDir: string;
  readonly bundleId: string;
  readonly virtualPhone: PhoneProcess | null;
}

/**
 * Brings what the desktop services need: a bundle, the virtual phone if it is wanted, and an adb server. The
 * user's own server is used where there is an adb (the virtual phone then joins the real ones by `adb
 * connect`); without one the virtual phone's embedded server serves.
 */
export async function setUpPhone(
  flags: PhoneFlags,
  host: DesktopOptionsInput['host'],
  signal: AbortSignal,
): Promise<Result<PhoneSetup>> {
  const bundle = await chooseBundle(flags, signal);
  if (!bundle.ok) return bundle;
  const started =
    flags.phone === 'virtual'
      ? await PhoneProcess.start({ ...flags, stateDir: stateFolder('virtual-phone') })
      : null;
  if (started !== null && !started.ok) return started;
  const virtualPhone = started?.value ?? null;
  const adb = await chooseAdb(virtualPhone);
  if (!adb.ok) {
    await virtualPhone?.stop();
    return adb;
  }
  const options = desktopOptionsSchema.parse({
    adb: { host: '127.0.0.1', port: adb.value.port, embedded: adb.value.embedded },
    connect: virtualPhone === null || adb.value.embedded ? null : adb.value.serial,
    stateDir: stateFolder(),
    bundleDirs: [{ path: bundle.value.dir }, { path: cacheFolder('bundles') }],
    agentDir: distFolder('agent'),
    onnxruntimeDir: dirname(
      createRequire(join(PROJECT_FOLDER, 'package.json')).resolve('onnxruntime-node/package.json'),
    ),
    version: BUNGEE_VERSION,
    host,
    threads: flags.threads ?? null,
    thermal: virtualPhone === null ? null : (flags.thermal ?? false),
  } satisfies DesktopOptionsInput);
  const serial = virtualPhone === null ? flags.phone : adb.value.serial;
  return ok({ options, serial, bundleDir: bundle.value.dir, bundleId: bundle.value.bundleId, virtualPhone });
}

async function chooseBundle(
  flags: PhoneFlags,
  signal: AbortSignal,
): Promise<Result<{ dir: string; bundleId: string }>> {
  if (flags.bundle !== undefined) {
    const manifest = await readBundle(flags.bundle);
    return manifest.ok ? ok({ dir: flags.bundle, bundleId: manifest.value.bundleId }) : manifest;
  }
  const built = await defaultBundle({ variant: flags.variant }, signal);
  return built.ok ? ok({ dir: built.value.dir, bundleId: built.value.manifest.bundleId }) : built;
}

interface ChosenAdb {
  readonly port: number;
  readonly embedded: boolean;
  readonly serial: string | null;
}

async function chooseAdb(virtualPhone: PhoneProcess | null): Promise<Result<ChosenAdb>> {
  const port = adbPortFromEnvironment(process.env);
  const running = await createAdbkitLink('127.0.0.1', port).serverVersion();
  const binary = running.ok ? null : await findAdb();
  if (virtualPhone === null) return ok({ port, embedded: false, serial: null });
  const { phone } = virtualPhone;
  const address = `127.0.0.1:${phone.adbdPort}`;
  if (!running.ok && binary === null) {
    say(
      `adb: none on this computer; the virtual phone's embedded server on port ${phone.adbServerPort} serves.`,
    );
    return ok({ port: phone.adbServerPort, embedded: true, serial: phone.serial });
  }
  say(running.ok ? `adb: the server on port ${port}.` : `adb: ${binary} starts its server on port ${port}.`);
  return ok({ port, embedded: false, serial: address });
}

/** Starts the desktop services without a window. */
export function openDesktop(setup: PhoneSetup): Promise<Result<DesktopService>> {
  return startDesktopService(setup.options);
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

/** Says each step of a session's coming up on stderr, with progress. */
export function narrateSession(service: DesktopService): () => void {
  let last = '';
  const tell = (line: string): void => {
    if (line !== last) say(line);
    last = line;
  };
  const subscription = service.subscribe(({ state, live }) => {
    for (const event of live) if (event.kind === 'note') tell(`${event.severity}: ${event.text}`);
    const session = state?.session;
    if (session !== null && session !== undefined) tell(describeSession(session));
    return true;
  });
  return () => subscription.unsubscribe();
}

function describeSession(session: Session): string {
  const { push, profileProgress } = session;
  switch (session.phase) {
    case 'pushing':
      if (push === null || push.phase === 'checking') return 'push: looking at what the phone has ...';
      if (push.phase === 'verifying') return `push: verifying ${push.what} on the phone ...`;
      return `push: ${push.what}, ${push.bytesTotal === 0 ? 'nothing to send' : `${Math.floor((push.bytesDone / push.bytesTotal) * 10) * 10} % of ${(push.bytesTotal / 1e6).toFixed(0)} MB`}`;
    case 'starting':
      return 'agent: starting ...';
    case 'profiling':
      return profileProgress === null || profileProgress.cells === 0
        ? 'profile: measuring latencies ...'
        : `profile: ${Math.floor((profileProgress.cellsDone / profileProgress.cells) * 5) * 20} %`;
    case 'ready':
      return `agent: ready (${session.health?.model ?? ''} ${session.health?.variant ?? ''}, ${session.health?.threads ?? '?'} threads)`;
    case 'restarting':
    case 'lost':
    case 'failed':
    case 'stopped':
      return `session: ${session.phase}${session.failure === null ? '' : `, ${session.failure.message}`}`;
  }
}

/** Push, agent, profile: the whole way to a ready session. Throws `FailureError`. */
export async function bringUpSession(
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
