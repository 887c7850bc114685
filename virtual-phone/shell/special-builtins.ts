import { PhoneFileError } from '../files/errno.ts';
import { readLine } from './byte-streams.ts';
import { operandPath, type Command } from './command.ts';
import { ExitShell, LoopJump } from './shell-state.ts';

/** Built-in commands that change the shell itself and therefore run in it, not in a copy. */
export const SPECIAL_BUILTINS: ReadonlyMap<string, Command> = new Map<string, Command>([
  [':', () => 0],
  ['cd', changeFolder],
  [
    'pwd',
    async (call) => {
      await call.out(`${call.state.cwd}\n`);
      return 0;
    },
  ],
  ['export', exportVariables],
  ['readonly', exportVariables],
  ['local', exportVariables],
  [
    'unset',
    (call) => {
      for (const name of call.args) {
        call.state.variables.delete(name);
        call.state.exported.delete(name);
      }
      return 0;
    },
  ],
  [
    'set',
    (call) => {
      // `set -e` and the like change nothing here; `set -- a b` sets the positional parameters.
      if (call.args[0] === '--') call.state.positional = call.args.slice(1);
      return 0;
    },
  ],
  [
    'shift',
    (call) => {
      call.state.positional = call.state.positional.slice(Number(call.args[0] ?? 1));
      return 0;
    },
  ],
  [
    'exit',
    (call) => {
      throw new ExitShell(Number(call.args[0] ?? call.state.lastStatus) & 255);
    },
  ],
  [
    'return',
    (call) => {
      throw new ExitShell(Number(call.args[0] ?? call.state.lastStatus) & 255);
    },
  ],
  [
    'break',
    (call) => {
      throw new LoopJump('break', Math.max(1, Number(call.args[0] ?? 1)));
    },
  ],
  [
    'continue',
    (call) => {
      throw new LoopJump('continue', Math.max(1, Number(call.args[0] ?? 1)));
    },
  ],
  ['eval', (call) => call.runSource(call.args.join(' '), call.state)],
  [
    'exec',
    async (call) => {
      if (call.args.length === 0) {
        await call.err('exec: redirecting the shell itself is not supported\n');
        return 1;
      }
      throw new ExitShell(await call.run(call.args));
    },
  ],
  ['.', sourceFile],
  ['source', sourceFile],
  ['trap', () => 0],
  ['umask', () => 0],
  [
    'wait',
    async (call) => {
      const { state } = call;
      const wanted = call.args.map(Number);
      const jobs = wanted.length === 0 ? state.jobs : state.jobs.filter((job) => wanted.includes(job.pid));
      if (wanted.length > 0 && jobs.length === 0) return 127;
      let status = 0;
      for (const job of jobs) status = await untilAborted(job.done, call.signal);
      state.jobs = state.jobs.filter((job) => !jobs.includes(job));
      return wanted.length === 0 ? 0 : status;
    },
  ],
  [
    'read',
    async (call) => {
      const names = call.args.filter((arg) => !arg.startsWith('-'));
      const line = await readLine(call.streams.stdin, call.signal);
      const words = (line ?? '').trim().split(/[ \t]+/);
      for (const [index, name] of (names.length === 0 ? ['REPLY'] : names).entries()) {
        const isLast = index >= names.length - 1;
        call.state.variables.set(name, isLast ? words.slice(index).join(' ') : (words[index] ?? ''));
      }
      return line === undefined ? 1 : 0;
    },
  ],
  [
    'command',
    async (call) => {
      if (call.args[0] !== '-v' && call.args[0] !== '-V') return call.run(call.args);
      const name = call.args[1] ?? '';
      if (!call.isCommand(name)) return 1;
      await call.out(`${SPECIAL_BUILTINS.has(name) ? name : `/system/bin/${name}`}\n`);
      return 0;
    },
  ],
  [
    'type',
    async (call) => {
      const name = call.args[0] ?? '';
      const isKnown = call.isCommand(name);
      await call.out(isKnown ? `${name} is /system/bin/${name}\n` : `${name} not found\n`);
      return isKnown ? 0 : 127;
    },
  ],
]);

async function changeFolder(...[call]: Parameters<Command>): Promise<number> {
  const target = call.args[0] ?? call.state.variables.get('HOME') ?? '/';
  try {
    const path = call.device.files.resolve(operandPath(call, target));
    if (call.device.files.stat(path).kind !== 'directory') throw new PhoneFileError('ENOTDIR', target);
    call.state.cwd = path;
    call.state.export('PWD', path);
    return 0;
  } catch (error) {
    if (!(error instanceof PhoneFileError)) throw error;
    await call.err(`${call.state.name}: cd: ${target}: ${error.text}\n`);
    return 2;
  }
}

function exportVariables(...[call]: Parameters<Command>): number {
  for (const arg of call.args.filter((text) => !text.startsWith('-'))) {
    const at = arg.indexOf('=');
    const name = at < 0 ? arg : arg.slice(0, at);
    const value = at < 0 ? undefined : arg.slice(at + 1);
    if (call.name === 'export') call.state.export(name, value);
    else if (value !== undefined) call.state.variables.set(name, value);
  }
  return 0;
}

async function sourceFile(...[call]: Parameters<Command>): Promise<number> {
  const reader = call.device.files.openRead(operandPath(call, call.args[0] ?? ''));
  const content = Buffer.alloc(reader.sizeBytes ?? 0);
  await reader.read(content);
  await reader.close();
  return call.runSource(content.toString('utf8'), call.state);
}

function untilAborted(done: Promise<number>, signal: AbortSignal): Promise<number> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(129), { once: true });
    void done.then(resolve);
  });
}
