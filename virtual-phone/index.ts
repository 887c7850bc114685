import { mkdirSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { resolve } from 'node:path';
import { parseWith } from '../core/parse.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { EmbeddedAdbServer } from './adb/adb-server.ts';
import { AdbdServer } from './adb/adbd-server.ts';
import { TrustedHosts } from './adb/auth.ts';
import { PhoneDevice } from './device.ts';
import { MIB } from './files/storage-meter.ts';
import { Link } from './link/link-throttle.ts';
import { machineOf } from './machine.ts';
import { defaultStateDir, phoneOptionsSchema, type PhoneOptionsInput } from './options.ts';
import { lockState } from './processes/leftovers.ts';

export { EMULATORS, findEmulator } from './machine.ts';
export { phoneOptionsSchema, type PhoneOptionsInput } from './options.ts';

/** A virtual phone that is on. */
export interface VirtualPhone {
  readonly serial: string;
  /** Ports on 127.0.0.1; null for a door that is shut. */
  readonly adbdPort: number | null;
  readonly adbServerPort: number | null;
  readonly stateDir: string;
  /** Whether the processor of its programs is emulated. */
  readonly isEmulated: boolean;
  /** Switches the phone off: connections end, its processes are killed. */
  stop(): Promise<void>;
  /** Pulls the cable: every connection drops and the device leaves the lists; its background processes go on. */
  unplug(): void;
  plug(): void;
  setStorageMib(mib: number): void;
  /** Temperature of the air around the phone, degree Celsius. */
  setAmbientC(celsius: number): void;
  /** Host path of a phone path, for tests and tools beside the phone. */
  hostPath(phonePath: string): string;
}

/**
 * Starts an adb device in software: a TCP adbd for Google's adb and an embedded adb server for clients without one.
 *
 * @returns the phone, or failure `invalid-input`, `arch-unsupported`, `emulator-missing`, `state-in-use`, `port-taken` or `state-not-writable`.
 */
export async function startVirtualPhone(input: PhoneOptionsInput = {}): Promise<Result<VirtualPhone>> {
  const parsed = parseWith(phoneOptionsSchema, input, 'The virtual phone configuration');
  if (!parsed.ok) return parsed;
  const options = parsed.value;
  const machine = machineOf(options);
  if (!machine.ok) return machine;
  const stateDir = resolve(options.stateDir ?? defaultStateDir(options.serial));
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    return fail(
      'state-not-writable',
      `The state folder ${stateDir} cannot be made: ${error instanceof Error ? error.message : String(error)}.`,
      'Pass another --state folder.',
    );
  }
  const lock = lockState(stateDir);
  if (!lock.ok) return lock;
  const device = new PhoneDevice(options, stateDir, machine.value);
  const link = new Link(options);
  const adbd = new AdbdServer(device, new TrustedHosts(stateDir), link);
  const adbServer = new EmbeddedAdbServer(device, link);
  const onExit = (): void => device.killNow();
  process.once('exit', onExit);
  const stop = async (): Promise<void> => {
    adbd.server.close();
    adbServer.server.close();
    adbd.dropConnections();
    adbServer.dropConnections();
    await device.shutdown();
    process.off('exit', onExit);
    lock.value();
  };
  const ports: (number | null)[] = [];
  for (const [server, wanted, flag] of [
    [adbd.server, options.adbdPort, '--port'],
    [adbServer.server, options.adbServerPort, '--adb-server-port'],
  ] as const) {
    const bound = wanted === null ? null : await listen(server, wanted, flag);
    if (bound !== null && typeof bound !== 'number') {
      await stop();
      return bound;
    }
    ports.push(bound);
  }
  const setPlugged = (isPlugged: boolean): void => {
    adbd.setPlugged(isPlugged);
    adbServer.setPlugged(isPlugged);
  };
  return ok({
    serial: options.serial,
    adbdPort: ports[0] ?? null,
    adbServerPort: ports[1] ?? null,
    stateDir,
    isEmulated: machine.value.isEmulated,
    stop,
    unplug: () => setPlugged(false),
    plug: () => setPlugged(true),
    setStorageMib: (mib) => device.files.meter.setCapacityBytes(mib * MIB),
    setAmbientC: (celsius) => device.thermal.setAmbientC(celsius),
    hostPath: (phonePath) => device.files.hostPath(phonePath),
  });
}

function listen(server: Server, port: number, flag: string): Promise<number | Result<never>> {
  return new Promise((resolvePort) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      resolvePort(
        error.code === 'EADDRINUSE'
          ? fail(
              'port-taken',
              `Port ${port} on 127.0.0.1 is taken.`,
              `Pass another ${flag}, or 0 for any free port.`,
            )
          : fail(
              'port-taken',
              `Port ${port} on 127.0.0.1 cannot be used: ${error.message}.`,
              `Pass another ${flag}.`,
            ),
      ),
    );
    server.listen(port, '127.0.0.1', () => resolvePort((server.address() as AddressInfo).port));
  });
}
