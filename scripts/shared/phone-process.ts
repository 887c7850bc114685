import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { parseJsonWith } from '../../core/parse.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { distFolder } from './folders.ts';

const startedPhoneSchema = z.object({
  serial: z.string(),
  adbdPort: z.int(),
  adbServerPort: z.int(),
  stateDir: z.string(),
  isEmulated: z.boolean(),
  pid: z.int(),
});
export type StartedPhone = z.infer<typeof startedPhoneSchema>;

export interface VirtualPhoneOptions {
  readonly thermal?: boolean | undefined;
  readonly linkMbps?: number | undefined;
  readonly stateDir?: string | undefined;
  readonly serial?: string | undefined;
  readonly arch?: 'host' | 'arm64' | undefined;
  /** qemu's user emulation for arm64; default: the one on PATH. */
  readonly emulator?: string | undefined;
}

/** A virtual phone in a process of its own, so that it takes no time from the desktop; ends with this one. */
export class PhoneProcess {
  readonly phone: StartedPhone;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, phone: StartedPhone) {
    this.#child = child;
    this.phone = phone;
  }

  /** Failure `phone-not-started`. */
  static start(options: VirtualPhoneOptions): Promise<Result<PhoneProcess>> {
    const args = [
      distFolder('scripts', 'phone.mjs'),
      '--json',
      '--port',
      '0',
      '--adb-server-port',
      '0',
      '--exit-with-stdin',
    ];
    if (options.thermal === true) args.push('--thermal');
    if (options.linkMbps !== undefined) args.push('--link-mbps', String(options.linkMbps));
    if (options.stateDir !== undefined) args.push('--state', options.stateDir);
    if (options.serial !== undefined) args.push('--serial', options.serial);
    if (options.arch !== undefined) args.push('--arch', options.arch);
    if (options.emulator !== undefined) args.push('--emulator', options.emulator);
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-4000)));
    return new Promise((done) => {
      const lines = createInterface({ input: child.stdout });
      lines.once('line', (line) => {
        const parsed = parseJsonWith(startedPhoneSchema, line, 'the virtual phone’s first line');
        done(parsed.ok ? ok(new PhoneProcess(child, parsed.value)) : parsed);
      });
      child.once('exit', (code) =>
        done(
          fail(
            'phone-not-started',
            `The virtual phone ended with ${code}: ${stderr.trim().split('\n').at(-1) ?? ''}`,
            undefined,
            stderr,
          ),
        ),
      );
    });
  }

  /** Switches the phone off and waits until its processes are gone. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const gone = new Promise((done) => this.#child.once('exit', done));
    this.#child.kill('SIGTERM');
    const slow = setTimeout(() => this.#child.kill('SIGKILL'), 5000);
    await gone;
    clearTimeout(slow);
  }
}
