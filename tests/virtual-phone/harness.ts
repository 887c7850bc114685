import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { unwrap } from '../../core/result.ts';
import { PhoneDevice } from '../../virtual-phone/device.ts';
import {
  findEmulator,
  startVirtualPhone,
  type PhoneOptionsInput,
  type VirtualPhone,
} from '../../virtual-phone/index.ts';
import { machineOf } from '../../virtual-phone/machine.ts';
import { phoneOptionsSchema } from '../../virtual-phone/options.ts';
import { TextSink, textSource } from '../../virtual-phone/shell/byte-streams.ts';
import { startShell } from '../../virtual-phone/shell/start-shell.ts';

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'bungee-phone-'));
}

/** A phone without doors: its shell is called directly. */
export function bareDevice(options: PhoneOptionsInput = {}): {
  device: PhoneDevice;
  close: () => Promise<void>;
} {
  const stateDir = temporaryFolder();
  const parsed = phoneOptionsSchema.parse(options);
  const device = new PhoneDevice(parsed, stateDir, unwrap(machineOf(parsed)));
  return {
    device,
    close: async () => {
      await device.shutdown();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

export interface ShellOutcome {
  readonly out: string;
  readonly err: string;
  readonly status: number;
}

export async function runShell(
  device: PhoneDevice,
  command: string,
  stdin = '',
  signal?: AbortSignal,
): Promise<ShellOutcome> {
  const out = new TextSink();
  const err = new TextSink();
  const status = await startShell(device, {
    command,
    parentPid: 1,
    isTerminal: false,
    terminal: 'dumb',
    streams: { stdin: textSource(stdin), stdout: out, stderr: err },
    signal: signal ?? new AbortController().signal,
  });
  return { out: out.text(), err: err.text(), status };
}

export async function startPhone(
  options: PhoneOptionsInput = {},
): Promise<{ phone: VirtualPhone; close: () => Promise<void> }> {
  const stateDir = options.stateDir ?? temporaryFolder();
  const phone = unwrap(await startVirtualPhone({ ...options, stateDir }));
  return {
    phone,
    close: async () => {
      await phone.stop();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Waits for a condition of the outside world; the limit is far above what it takes. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 20_000,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Whether Google's adb is here; on CI it has to be. */
export function hasAdb(): boolean {
  const isHere = spawnSync('adb', ['version'], { env: { ...process.env, HOME: tmpdir() } }).status === 0;
  if (!isHere && process.env['CI'] === 'true') throw new Error("Google's adb is not on PATH; CI needs it.");
  if (!isHere)
    process.stderr.write("SKIPPED: Google's adb is not on PATH, so the phone is not tested with it.\n");
  return isHere;
}

/** Whether qemu's user emulation for arm64 is here; on CI it has to be. */
export function hasEmulator(): boolean {
  const isHere = findEmulator() !== null;
  if (!isHere && process.env['CI'] === 'true')
    throw new Error("qemu's user emulation for arm64 is not on PATH; CI needs it.");
  if (!isHere)
    process.stderr.write('SKIPPED: qemu-aarch64-static is not on PATH, so arm64 programs are not run.\n');
  return isHere;
}

export interface AdbOutcome {
  readonly out: string;
  readonly err: string;
  readonly status: number;
}

/** Google's adb with a server, a home and a key of its own. */
export class Adb {
  readonly home = temporaryFolder();
  readonly port: number;

  constructor(port: number) {
    this.port = port;
  }

  environment(): NodeJS.ProcessEnv {
    return { PATH: process.env['PATH'], HOME: this.home, ANDROID_ADB_SERVER_PORT: String(this.port) };
  }

  run(...args: string[]): Promise<AdbOutcome> {
    return new Promise((resolve) => {
      const child = execFile(
        'adb',
        args,
        { env: this.environment(), maxBuffer: 256 * 1024 * 1024, timeout: 25_000 },
        (error, out, err) => resolve({ out, err, status: error === null ? 0 : Number(error.code ?? 255) }),
      );
      child.stdin?.end();
    });
  }

  /** Connects and waits until the device is online: adb's own exit text tells of authentication too early. */
  async connect(phonePort: number): Promise<string> {
    const serial = `127.0.0.1:${phonePort}`;
    await this.run('connect', serial);
    await until(
      `${serial} is online`,
      async () => (await this.run('-s', serial, 'get-state')).out.trim() === 'device',
    );
    return serial;
  }

  async close(): Promise<void> {
    await this.run('kill-server');
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** Says `text` to an echoing peer and closes once as much was heard; adb's streams know no half-closed state. */
export function say(stream: Duplex, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = '';
    stream.on('data', (bytes: Buffer) => {
      heard += bytes.toString('latin1');
      if (heard.length >= text.length) stream.end();
    });
    stream.on('error', reject);
    stream.on('close', () => resolve(heard));
    stream.write(text);
  });
}
