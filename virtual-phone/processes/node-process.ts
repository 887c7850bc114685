import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import type { PhoneDevice } from '../device.ts';
import { BrokenPipeError, NO_INPUT, type ByteSink, type ByteSource } from '../shell/byte-streams.ts';
import type { CommandCall } from '../shell/command.ts';
import { signalGroup } from './host-process.ts';

/** Between the hang-up of a process's shell and its end by force. */
const GRACE_MS = 2000;
/** Folders of the phone's root that an argument or variable may name; anything else that begins with `/` is left. */
const MAPPED_ROOTS = /^\/(?:apex|bin|data|etc|mnt|odm|product|sdcard|storage|system|vendor)(?=\/|$)/;
const CODE_FLAGS = new Set(['-e', '-p', '--eval', '--print']);

/** An absolute phone path as the host's, also behind `--option=`; other text as it is. */
export function mapArgument(text: string, hostPath: (phonePath: string) => string): string {
  const match = /^(-[^=\s]*=)(\/.*)$/s.exec(text);
  const [prefix, path] = match === null ? ['', text] : [match[1] ?? '', match[2] ?? ''];
  return MAPPED_ROOTS.test(path) ? `${prefix}${hostPath(path)}` : text;
}

/** A variable's value: a path, or several between colons. */
export function mapVariable(text: string, hostPath: (phonePath: string) => string): string {
  return text
    .split(':')
    .map((item) => mapArgument(item, hostPath))
    .join(':');
}

/** Environment of a process of the phone: the shell's exported variables and what Node itself needs, nothing else. */
function processEnvironment(call: CommandCall): NodeJS.ProcessEnv {
  const { files } = call.device;
  const hostPath = (path: string): string => files.hostPath(path);
  const environment: NodeJS.ProcessEnv = { LANG: 'C.UTF-8' };
  for (const [name, value] of call.state.environment()) environment[name] = mapVariable(value, hostPath);
  environment['HOME'] = call.device.files.hostPath(call.state.variables.get('HOME') ?? '/');
  environment['BUNGEE_VIRTUAL_PHONE'] = '1';
  environment['BUNGEE_PHONE_ROOT'] = files.root;
  if (process.versions['electron'] !== undefined) environment['ELECTRON_RUN_AS_NODE'] = '1';
  const systemRoot = process.env['SystemRoot'];
  if (process.platform === 'win32' && systemRoot !== undefined) environment['SystemRoot'] = systemRoot;
  return environment;
}

/** Runs the host's Node as a process of the phone; resolves with its exit status (128 + n after signal n). */
export async function runNode(call: CommandCall): Promise<number> {
  const { device, streams } = call;
  const hostPath = (path: string): string => device.files.hostPath(path);
  const argv = call.args.map((arg, index) =>
    CODE_FLAGS.has(call.args[index - 1] ?? '') ? arg : mapArgument(arg, hostPath),
  );
  const child = spawn(device.nodePath, argv, {
    cwd: device.files.hostPath(call.state.cwd),
    env: processEnvironment(call),
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
    await call.err(`node: cannot start ${device.nodePath}\n`);
    return 126;
  }
  const unregister = register(device, pid, call);
  call.claimPid?.(pid);
  const hangUp = (): void => endGroup(pid, child, call.signal.reason);
  if (call.signal.aborted) hangUp();
  else call.signal.addEventListener('abort', hangUp, { once: true });
  const ended = new AbortController();
  const exited = new Promise<number>((resolve) => {
    child.once('exit', (code, signal) => {
      ended.abort();
      unregister();
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
  void feed(child, streams.stdin, ended.signal);
  await Promise.all([drain(child.stdout, streams.stdout, call), drain(child.stderr, streams.stderr, call)]);
  const status = await exited;
  call.signal.removeEventListener('abort', hangUp);
  return status;
}

function register(device: PhoneDevice, pid: number, call: CommandCall): () => void {
  device.record.add(pid);
  device.processes.add({
    pid,
    parentPid: call.isDetached ? 1 : call.state.pid,
    name: 'node',
    args: ['node', ...call.args],
    startedAtMs: Date.now(),
    isHostProcess: true,
    signal: (signal) => {
      signalGroup(pid, signal);
      // A held process would get the signal only when it cools down.
      if (signal !== 'SIGSTOP') signalGroup(pid, 'SIGCONT');
    },
  });
  device.log.add('I', 'process', `node ${pid} started: ${call.args.join(' ')}`);
  return () => {
    device.log.add('I', 'process', `node ${pid} ended`);
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

async function drain(output: Readable | null, sink: ByteSink, call: CommandCall): Promise<void> {
  if (output === null) return;
  try {
    for await (const chunk of output.iterator({ destroyOnReturn: false })) await sink.write(chunk as Buffer);
  } catch (error) {
    if (!(error instanceof BrokenPipeError))
      await call
        .err(`node: ${error instanceof Error ? error.message : String(error)}\n`)
        .catch(() => undefined);
    // A process that outlives its reader writes on into nothing; any other meets the broken pipe.
    if (call.isDetached) output.resume();
    else output.destroy();
  }
}
