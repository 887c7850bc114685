import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import type { PhoneDevice } from '../device.ts';
import { BrokenPipeError, NO_INPUT, type ByteSink, type ByteSource } from '../shell/byte-streams.ts';
import type { CommandCall } from '../shell/command.ts';
import { signalGroup } from './host-process.ts';

/** Between the hang-up of a process's shell and its end by force. */
const GRACE_MS = 2000;

/** A program of the host that stands for one of the phone. */
export interface HostProgram {
  /** As `ps` of the phone names it. */
  readonly name: string;
  /** Its command line as the phone tells it. */
  readonly args: readonly string[];
  /** Program and arguments on the host, phone paths mapped. */
  readonly file: string;
  readonly hostArgs: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** Runs a program as a process of the phone; resolves with its exit status (128 + n after signal n). */
export async function runHostProgram(call: CommandCall, program: HostProgram): Promise<number> {
  const { device, streams } = call;
  const { file, name } = program;
  const child = spawn(file, program.hostArgs, {
    cwd: device.files.hostPath(call.state.cwd),
    env: program.environment,
    // A group of its own: signals reach what it starts, and the terminal's Ctrl-C does not.
    detached: process.platform !== 'win32',
    windowsHide: true,
    stdio: [
      streams.stdin === NO_INPUT ? 'ignore' : (streams.stdin.fd ?? 'pipe'),
      streams.stdout.fd ?? 'pipe',
      streams.stderr.fd ?? 'pipe',
    ],
  });
  const { pid } = child;
  if (pid === undefined) {
    child.on('error', () => undefined);
    await call.err(`${name}: cannot start ${file}\n`);
    return 126;
  }
  const unregister = register(device, pid, call, program);
  call.claimPid?.(pid);
  const hangUp = (): void => endGroup(pid, child, call.signal.reason);
  if (call.signal.aborted) hangUp();
  else call.signal.addEventListener('abort', hangUp, { once: true });
  const ended = new AbortController();
  const exited = new Promise<number>((resolve) => {
    child.once('exit', (code, signal) => {
      ended.abort();
      unregister(signal === null ? `ended with status ${code}` : `ended by ${signal}`);
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
  void feed(child, streams.stdin, ended.signal);
  await Promise.all([
    drain(child.stdout, streams.stdout, call, name),
    drain(child.stderr, streams.stderr, call, name),
  ]);
  const status = await exited;
  call.signal.removeEventListener('abort', hangUp);
  return status;
}

function register(
  device: PhoneDevice,
  pid: number,
  call: CommandCall,
  { name, args }: HostProgram,
): (how: string) => void {
  device.record.add(pid);
  device.processes.add({
    pid,
    parentPid: call.isDetached ? 1 : call.state.pid,
    name,
    args,
    startedAtMs: Date.now(),
    isHostProcess: true,
    signal: (signal) => {
      signalGroup(pid, signal);
      // A held process would get the signal only when it cools down.
      if (signal !== 'SIGSTOP') signalGroup(pid, 'SIGCONT');
    },
  });
  device.log.add('I', 'process', `${name} ${pid} started: ${args.slice(1).join(' ')}`);
  return (how) => {
    device.log.add('I', 'process', `${name} ${pid} ${how}`);
    device.processes.remove(pid);
    device.record.remove(pid);
  };
}

/** Ends a process by the signal that ended its shell or job; SIGHUP when the client is gone. */
function endGroup(pid: number, child: ChildProcess, reason: unknown): void {
  signalGroup(pid, reason === 'SIGTERM' || reason === 'SIGKILL' || reason === 'SIGINT' ? reason : 'SIGHUP');
  signalGroup(pid, 'SIGCONT');
  const timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), GRACE_MS);
  child.once('exit', () => clearTimeout(timer));
}

async function feed(child: ChildProcess, source: ByteSource, ended: AbortSignal): Promise<void> {
  const { stdin } = child;
  if (stdin === null) return;
  stdin.on('error', () => undefined); // The process may end without reading.
  for (let chunk = await source.read(ended); chunk !== undefined; chunk = await source.read(ended)) {
    const bytes = chunk;
    await new Promise<void>((resolve) => stdin.write(bytes, () => resolve()));
  }
  stdin.end();
}

async function drain(
  output: Readable | null,
  sink: ByteSink,
  call: CommandCall,
  name: string,
): Promise<void> {
  if (output === null) return;
  try {
    for await (const chunk of output.iterator({ destroyOnReturn: false })) await sink.write(chunk as Buffer);
  } catch (error) {
    if (!(error instanceof BrokenPipeError))
      await call
        .err(`${name}: ${error instanceof Error ? error.message : String(error)}\n`)
        .catch(() => undefined);
    // A process that outlives its reader writes on into nothing; any other meets the broken pipe.
    if (call.isDetached) output.resume();
    else output.destroy();
  }
}
