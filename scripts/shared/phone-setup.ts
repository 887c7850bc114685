import type { Variant } from '../../core/bundle-manifest.ts';
import { ok, type Result } from '../../core/result.ts';
import { adbPortFromEnvironment, findAdb } from '../../electron/adb/adb-server.ts';
import { createAdbkitLink } from '../../electron/adb/adbkit-link.ts';
import { readBundle } from '../../electron/desktop/bundle-catalog.ts';
import {
  desktopOptionsSchema,
  type DesktopOptions,
  type DesktopOptionsInput,
} from '../../electron/desktop/options.ts';
import { say } from './command-line.ts';
import { builtInForEmulation, defaultOrBuiltIn } from './built-in-bundle.ts';
import { chooseMachine, type PhoneArch } from './phone-machine.ts';
import { cacheFolder, distFolder, onnxruntimeFolder, stateFolder } from './folders.ts';
import { PhoneProcess } from './phone-process.ts';
import { BUNGEE_VERSION } from './version.ts';

/** Flags that every command with a phone has. */
export interface PhoneFlags {
  /** `virtual` or a serial. */
  readonly phone: string;
  /** Bundle folder; default: the default model's. */
  readonly bundle?: string | undefined;
  readonly variant: Variant;
  /** Name or folder of the runtime pack; default: by the phone. */
  readonly pack?: string | undefined;
  readonly threads?: number | undefined;
  readonly thermal?: boolean | undefined;
  readonly guardCorrection: boolean;
  /** Processor of the virtual phone. */
  readonly arch: PhoneArch;
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
  const machine = await chooseMachine(flags, signal);
  if (!machine.ok) return machine;
  const bundle = await chooseBundle(flags, machine.value.isEmulated, signal);
  if (!bundle.ok) return bundle;
  if (!flags.guardCorrection)
    say('guard: --no-guard-correction is on, predictions are the profile’s, whatever is measured.');
  const started =
    flags.phone === 'virtual'
      ? await PhoneProcess.start({ thermal: flags.thermal, linkMbps: flags.linkMbps, ...machine.value.phone })
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
    onnxruntimeDir: onnxruntimeFolder(),
    packsDir: cacheFolder('packs'),
    pack: flags.pack ?? null,
    version: BUNGEE_VERSION,
    host,
    threads: flags.threads ?? null,
    guardCorrection: flags.guardCorrection,
    thermal: virtualPhone === null ? null : (flags.thermal ?? false),
  } satisfies DesktopOptionsInput);
  const serial = virtualPhone === null ? flags.phone : adb.value.serial;
  return ok({ options, serial, bundleDir: bundle.value.dir, bundleId: bundle.value.bundleId, virtualPhone });
}

async function chooseBundle(
  flags: PhoneFlags,
  isEmulated: boolean,
  signal: AbortSignal,
): Promise<Result<{ dir: string; bundleId: string }>> {
  if (flags.bundle !== undefined) {
    const manifest = await readBundle(flags.bundle);
    return manifest.ok ? ok({ dir: flags.bundle, bundleId: manifest.value.bundleId }) : manifest;
  }
  const built = isEmulated
    ? await builtInForEmulation(flags.variant, signal)
    : await defaultOrBuiltIn(flags.variant, signal);
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
