import { availableParallelism, constants } from 'node:os';
import { residentKib } from '../../processes/host-process.ts';
import { runNode } from '../../processes/node-process.ts';
import { SYSTEM_PROCESSES } from '../../processes/process-table.ts';
import { readAll } from '../byte-streams.ts';
import type { Command, CommandCall } from '../command.ts';

interface Row {
  readonly pid: number;
  readonly parentPid: number;
  readonly user: string;
  readonly name: string;
  readonly args: readonly string[];
  readonly residentKib: number;
}

function rows(call: CommandCall, all: boolean): Row[] {
  const own = call.device.processes.list().map((entry) => ({
    ...entry,
    user: 'shell',
    residentKib: entry.isHostProcess ? residentKib(entry.pid) : 0,
  }));
  const system = SYSTEM_PROCESSES.map((entry) => ({ ...entry, args: [entry.name], residentKib: 0 }));
  return all ? [...system, ...own] : own;
}

const COLUMNS: Readonly<Record<string, { readonly right: boolean; readonly value: (row: Row) => string }>> = {
  USER: { right: false, value: (row) => row.user },
  PID: { right: true, value: (row) => String(row.pid) },
  PPID: { right: true, value: (row) => String(row.parentPid) },
  VSZ: { right: true, value: (row) => String(row.residentKib) },
  RSS: { right: true, value: (row) => String(row.residentKib) },
  WCHAN: { right: false, value: () => '0' },
  ADDR: { right: true, value: () => '0' },
  S: { right: false, value: () => 'S' },
  NAME: { right: false, value: (row) => row.name },
  COMM: { right: false, value: (row) => row.name },
  CMD: { right: false, value: (row) => row.name },
  ARGS: { right: false, value: (row) => row.args.join(' ') },
  CMDLINE: { right: false, value: (row) => row.args.join(' ') },
};

/** `ps [-A|-e] [-o COLUMN,...] [-p PID]`; `NAME=` gives a column without a heading. */
const ps: Command = async (call) => {
  const all = call.args.some((arg) => /^-\w*[Aef]/.test(arg) || arg === 'aux');
  const after = (flag: string): string | undefined => {
    const at = call.args.indexOf(flag);
    return at < 0 ? undefined : call.args[at + 1];
  };
  const wanted = (after('-o') ?? 'USER,PID,PPID,VSZ,RSS,WCHAN,ADDR,S,NAME').split(',').map((text) => {
    const [name = '', heading] = text.split(/[=:]/);
    return { name: name.toUpperCase(), heading: heading ?? name.toUpperCase() };
  });
  const unknown = wanted.find((column) => !Object.hasOwn(COLUMNS, column.name));
  if (unknown !== undefined) {
    await call.err(`ps: bad -o ${unknown.name}\n`);
    return 1;
  }
  const pids = after('-p')?.split(',').map(Number);
  const shown = rows(call, all || pids !== undefined).filter(
    (row) => pids === undefined || pids.includes(row.pid),
  );
  const table = [
    wanted.map((column) => column.heading),
    ...shown.map((row) => wanted.map((column) => COLUMNS[column.name]?.value(row) ?? '')),
  ];
  const lines = (wanted.every((column) => column.heading === '') ? table.slice(1) : table).map((cells) =>
    cells
      .map((cell, index) => {
        const width = Math.max(...table.map((line) => line[index]?.length ?? 0));
        if (COLUMNS[wanted[index]?.name ?? '']?.right === true) return cell.padStart(width);
        return index === cells.length - 1 ? cell : cell.padEnd(width);
      })
      .join(' '),
  );
  await call.out(lines.map((line) => `${line}\n`).join(''));
  return 0;
};

/** A signal's name or number; 0 asks whether the process is there; undefined for no signal. */
function parseSignal(text: string): NodeJS.Signals | 0 | undefined {
  if (text === '0') return 0;
  const name = `SIG${text.toUpperCase().replace(/^SIG/, '')}`;
  for (const [known, number] of Object.entries(constants.signals))
    if (known === name || String(number) === text) return known as NodeJS.Signals;
  return undefined;
}

const kill: Command = async (call) => {
  const args = [...call.args];
  let signal: NodeJS.Signals | 0 | undefined = 'SIGTERM';
  if (args[0] === '-l') {
    await call.out(
      `${Object.keys(constants.signals)
        .map((name) => name.slice(3))
        .join(' ')}\n`,
    );
    return 0;
  }
  if (args[0] === '-s') signal = parseSignal(args.splice(0, 2)[1] ?? '');
  else if (args[0]?.startsWith('-') === true && args[0] !== '--')
    signal = parseSignal((args.shift() ?? '').slice(1));
  if (args[0] === '--') args.shift();
  if (signal === undefined || args.length === 0) {
    await call.err(`${call.state.name}: kill: bad signal or no pid\n`);
    return 1;
  }
  let status = 0;
  for (const arg of args) {
    const pid = Math.abs(Number(arg));
    const isSystem = SYSTEM_PROCESSES.some((entry) => entry.pid === pid);
    if (!isSystem && call.device.processes.signal(pid, signal)) continue;
    await call.err(
      `${call.state.name}: kill: ${arg}: ${isSystem ? 'Operation not permitted' : 'No such process'}\n`,
    );
    status = 1;
  }
  return status;
};

const pidof: Command = async (call) => {
  const names = call.args.filter((arg) => !arg.startsWith('-'));
  const found = rows(call, true)
    .filter((row) => names.includes(row.name))
    .map((row) => row.pid);
  if (found.length === 0) return 1;
  await call.out(`${found.join(' ')}\n`);
  return 0;
};

/** `pgrep PATTERN` and `pkill PATTERN`; `-f` looks at the whole command line. */
const pgrep: Command = async (call) => {
  const pattern = call.args.find((arg) => !arg.startsWith('-')) ?? '';
  const isFull = call.args.some((arg) => /^-\w*f/.test(arg));
  const found = rows(call, call.name === 'pgrep').filter((row) =>
    (isFull ? row.args.join(' ') : row.name).includes(pattern),
  );
  for (const row of found) {
    if (call.name === 'pgrep') await call.out(`${row.pid}\n`);
    else call.device.processes.signal(row.pid, 'SIGTERM');
  }
  return found.length === 0 ? 1 : 0;
};

/** Runs a command that outlives the shell's client; the shell stops waiting for it when the client goes. */
const detach: Command = async (call) => {
  const argv = call.args.filter((arg, index) => index > 0 || !/^-[wcd]+$/.test(arg));
  if (argv.length === 0) {
    await call.err(`${call.name}: Needs 1 argument\n`);
    return 125;
  }
  const running = call.run(argv, { signal: call.device.lifetime, isDetached: true });
  return new Promise((resolve, reject) => {
    const leave = (): void => resolve(129);
    if (!call.isDetached) call.signal.addEventListener('abort', leave, { once: true });
    running.then(resolve, reject);
  });
};

/** `timeout SECONDS COMMAND`: SIGTERM when the time is over, status 143 as toybox gives. */
const timeout: Command = async (call) => {
  const [seconds = '', ...argv] = call.args;
  if (!/^\d*\.?\d+s?$/.test(seconds) || argv.length === 0) {
    await call.err('timeout: Needs 2 arguments\n');
    return 125;
  }
  const expired = new AbortController();
  const timer = setTimeout(() => expired.abort('SIGTERM'), Number.parseFloat(seconds) * 1000);
  try {
    const status = await call.run(argv, { signal: AbortSignal.any([call.signal, expired.signal]) });
    return expired.signal.aborted ? 143 : status;
  } finally {
    clearTimeout(timer);
  }
};

const nproc: Command = async (call) => {
  await call.out(`${availableParallelism()}\n`);
  return 0;
};

const sh: Command = async (call) => {
  const at = call.args.findIndex((arg) => /^-\w*c$/.test(arg));
  const state = call.state.copy();
  if (at >= 0) {
    const [source = '', name, ...positional] = call.args.slice(at + 1);
    state.name = name ?? 'sh';
    state.positional = positional;
    return call.runSource(source, state);
  }
  const path = call.args.find((arg) => !arg.startsWith('-'));
  if (path === undefined)
    return call.runSource((await readAll(call.streams.stdin, call.signal)).toString('utf8'), state);
  state.positional = call.args.slice(call.args.indexOf(path));
  return call.run(['.', path], {
    state: Object.assign(state, { name: path, positional: call.args.slice(call.args.indexOf(path) + 1) }),
  });
};

const env: Command = async (call) => {
  const state = call.state.copy();
  let at = 0;
  if (call.args[at] === '-i') {
    state.exported.clear();
    at += 1;
  }
  for (
    let match = /^([A-Za-z_]\w*)=(.*)$/s.exec(call.args[at] ?? '');
    match !== null;
    match = /^([A-Za-z_]\w*)=(.*)$/s.exec(call.args[at] ?? '')
  ) {
    state.export(match[1] ?? '', match[2] ?? '');
    at += 1;
  }
  const argv = call.args.slice(at);
  if (argv.length > 0) return call.run(argv, { state });
  for (const [name, value] of state.environment()) await call.out(`${name}=${value}\n`);
  return 0;
};

const which: Command = async (call) => {
  let status = 0;
  for (const name of call.args) {
    if (call.device.interpreter.commands.has(name)) await call.out(`/system/bin/${name}\n`);
    else status = 1;
  }
  return status;
};

export const PROCESS_COMMANDS: readonly (readonly [string, Command])[] = [
  ['ps', ps],
  ['kill', kill],
  ['pidof', pidof],
  ['pgrep', pgrep],
  ['pkill', pgrep],
  ['nohup', detach],
  ['setsid', detach],
  ['sh', sh],
  ['env', env],
  ['printenv', env],
  ['which', which],
  ['timeout', timeout],
  ['nproc', nproc],
  ['node', runNode],
];
