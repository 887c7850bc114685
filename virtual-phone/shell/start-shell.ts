import type { PhoneDevice } from '../device.ts';
import { BrokenPipeError, readAll } from './byte-streams.ts';
import type { Run } from './interpreter.ts';
import { ShellState, type Streams } from './shell-state.ts';
import { runTerminal } from './terminal.ts';

export interface ShellInput {
  /** Empty: the script comes from stdin, or line by line from a terminal. */
  readonly command: string;
  readonly parentPid: number;
  readonly isTerminal: boolean;
  /** Value of `TERM`. */
  readonly terminal: string;
  readonly streams: Streams;
  /** Aborted when the client is gone: what runs in the foreground ends. */
  readonly signal: AbortSignal;
}

/** Environment of a shell under adb on Android 14. */
const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ['ANDROID_DATA', '/data'],
  ['ANDROID_ROOT', '/system'],
  ['ANDROID_STORAGE', '/storage'],
  ['EXTERNAL_STORAGE', '/sdcard'],
  ['HOME', '/'],
  ['HOSTNAME', 'virtual'],
  ['LOGNAME', 'shell'],
  ['PATH', '/product/bin:/apex/com.android.runtime/bin:/system/bin:/odm/bin:/vendor/bin'],
  ['SHELL', '/bin/sh'],
  ['TMPDIR', '/data/local/tmp'],
  ['USER', 'shell'],
  ['PWD', '/'],
];

/** Runs one shell to its end; resolves with its exit status, also when the client goes away. */
export async function startShell(device: PhoneDevice, input: ShellInput): Promise<number> {
  const killed = new AbortController();
  const state = new ShellState(device.processes.virtualPid());
  for (const [name, value] of ENVIRONMENT) state.export(name, value);
  state.export('TERM', input.terminal);
  device.processes.add({
    pid: state.pid,
    parentPid: input.parentPid,
    name: 'sh',
    args: input.command === '' ? ['/system/bin/sh', '-'] : ['/system/bin/sh', '-c', input.command],
    startedAtMs: Date.now(),
    isHostProcess: false,
    signal: (signal) => {
      if (signal === 'SIGKILL' || signal === 'SIGTERM' || signal === 'SIGHUP') killed.abort();
    },
  });
  const run: Run = {
    state,
    streams: input.streams,
    signal: AbortSignal.any([input.signal, killed.signal]),
    isDetached: false,
    holders: [],
  };
  try {
    if (input.isTerminal && input.command === '') return await runTerminal(device.interpreter, run);
    const source =
      input.command === ''
        ? (await readAll(input.streams.stdin, run.signal)).toString('utf8')
        : input.command;
    const status = await device.interpreter.runShell(source, run);
    await untilClientGone(Promise.allSettled(run.holders), input.signal);
    return status;
  } catch (error) {
    if (error instanceof BrokenPipeError) return 141;
    throw error;
  } finally {
    device.processes.remove(state.pid);
  }
}

function untilClientGone(done: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
    void done.then(() => resolve());
  });
}
