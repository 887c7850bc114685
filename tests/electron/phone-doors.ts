import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { unwrap } from '../../core/result.ts';
import { findAdb } from '../../electron/adb/adb-server.ts';
import { createAdbkitLink } from '../../electron/adb/adbkit-link.ts';
import type { PhoneLink } from '../../electron/adb/phone-link.ts';
import { startVirtualPhone, type PhoneOptionsInput, type VirtualPhone } from '../../virtual-phone/index.ts';

const run = promisify(execFile);

/** A virtual phone with a link to it, over its own adb server or over Google's. */
export interface PhoneDoor {
  readonly phone: VirtualPhone;
  readonly link: PhoneLink;
  readonly serial: string;
  readonly adbPort: number;
  readonly folder: string;
  close(): Promise<void>;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Over the virtual phone's embedded adb server: no adb binary involved. */
export async function embeddedDoor(options: PhoneOptionsInput = {}): Promise<PhoneDoor> {
  const folder = await mkdtemp(join(tmpdir(), 'bungee-phone-'));
  const phone = unwrap(
    await startVirtualPhone({ stateDir: join(folder, 'phone'), adbdPort: null, ...options }),
  );
  const adbPort = phone.adbServerPort ?? 0;
  return {
    phone,
    link: createAdbkitLink('127.0.0.1', adbPort),
    serial: phone.serial,
    adbPort,
    folder,
    close: async () => {
      await phone.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Over Google's adb server of its own port and home, connected by TCP. */
export async function googleDoor(options: PhoneOptionsInput = {}): Promise<PhoneDoor> {
  const folder = await mkdtemp(join(tmpdir(), 'bungee-phone-'));
  const phone = unwrap(
    await startVirtualPhone({ stateDir: join(folder, 'phone'), adbServerPort: null, ...options }),
  );
  const adbPort = await freePort();
  const env = { ...process.env, HOME: folder, ANDROID_ADB_SERVER_PORT: String(adbPort) };
  await run('adb', ['start-server'], { env });
  const link = createAdbkitLink('127.0.0.1', adbPort);
  const serial = unwrap(await link.connect(`127.0.0.1:${phone.adbdPort ?? 0}`));
  for (let i = 0; i < 100; i++) {
    if (unwrap(await link.listDevices()).some((d) => d.serial === serial && d.state === 'device')) break;
    await new Promise((done) => setTimeout(done, 50));
  }
  return {
    phone,
    link,
    serial,
    adbPort,
    folder,
    close: async () => {
      await phone.stop();
      // A server that this test started, on its own port.
      await run('adb', ['kill-server'], { env });
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Missing adb fails in CI and is said aloud elsewhere. */
export async function hasGoogleAdb(): Promise<boolean> {
  const adb = await findAdb();
  if (adb === null && process.env['CI'] === 'true') throw new Error('adb is not installed');
  if (adb === null) process.stderr.write('SKIPPED: tests over Google’s adb, because adb is not installed\n');
  return adb !== null;
}
