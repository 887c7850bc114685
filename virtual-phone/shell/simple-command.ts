import { PhoneFileError } from '../files/errno.ts';
import { BrokenPipeError } from './byte-streams.ts';
import { operandPath, type CallChanges, type Command, type CommandCall } from './command.ts';
import { expandText, expandWords, type Expander } from './expand.ts';
import type { Interpreter, Run } from './interpreter.ts';
import { programFile } from './program-file.ts';
import { applyRedirects } from './redirects.ts';
import { ShellError, type ShellState } from './shell-state.ts';
import { SPECIAL_BUILTINS } from './special-builtins.ts';
import type { Node } from './syntax.ts';

type SimpleNode = Extract<Node, { kind: 'simple' }>;

const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;
const BROKEN_PIPE_STATUS = 141;
/** Says to a background job that it becomes no real process. */
const NO_PROCESS = 0;
/** Commands that run a process or another command in their place, and so claim the job's pid themselves. */
const REPLACED = new Set(['node', 'nohup', 'setsid', 'env', 'exec', 'command', 'timeout']);

/** Runs one simple command: expansion, assignments, redirects, then the command itself. */
export async function runSimple(interpreter: Interpreter, node: SimpleNode, run: Run): Promise<number> {
  const { state } = run;
  const base = interpreter.expander(run);
  let substituted = 0;
  const expander: Expander = {
    ...base,
    substitute: async (source) => {
      const text = await base.substitute(source);
      substituted = state.lastStatus;
      return text;
    },
  };
  let redirected;
  try {
    const argv = await expandWords(node.words, expander);
    const assigned: [string, string][] = [];
    for (const { name, value } of node.assignments) {
      const text = await expandText(value, expander);
      assigned.push([name, text]);
      if (argv.length === 0) state.variables.set(name, text);
    }
    redirected = await applyRedirects(node.redirects, run.streams, interpreter.device, expander);
    if (argv.length === 0) {
      run.claimPid?.(NO_PROCESS);
      return substituted;
    }
    const isSpecial = SPECIAL_BUILTINS.has(argv[0] ?? '');
    const inner = isSpecial || assigned.length === 0 ? state : state.copy();
    // A function of the shell itself keeps the assignment; a command sees it in its environment only.
    for (const [name, value] of assigned) {
      if (isSpecial) state.variables.set(name, value);
      else inner.export(name, value);
    }
    return await runCommand(interpreter, argv, { ...run, state: inner, streams: redirected.streams });
  } catch (error) {
    if (!(error instanceof ShellError) && !(error instanceof PhoneFileError)) throw error;
    await run.streams.stderr.write(Buffer.from(`${state.name}: ${error.message}\n`));
    return error instanceof ShellError ? error.status : 1;
  } finally {
    await redirected?.close();
  }
}

/** Runs a command by its argv in the given run. */
export async function runCommand(
  interpreter: Interpreter,
  argv: readonly string[],
  run: Run,
): Promise<number> {
  const [name = '', ...args] = argv;
  const call = commandCall(interpreter, name, args, run);
  const found = findCommand(interpreter, call);
  if (found === undefined) {
    await call.err(`${run.state.name}: ${name}: inaccessible or not found\n`);
    return NOT_FOUND;
  }
  if (typeof found === 'string') {
    await call.err(`${run.state.name}: ${name}: ${found}\n`);
    return NOT_EXECUTABLE;
  }
  if (!name.includes('/') && !REPLACED.has(name)) run.claimPid?.(NO_PROCESS);
  try {
    return await found(call);
  } catch (error) {
    if (error instanceof BrokenPipeError) return BROKEN_PIPE_STATUS;
    if (!(error instanceof PhoneFileError)) throw error;
    await call.err(`${name}: ${error.message}\n`);
    return 1;
  }
}

function commandCall(interpreter: Interpreter, name: string, args: readonly string[], run: Run): CommandCall {
  return {
    name,
    args,
    streams: run.streams,
    state: run.state,
    device: interpreter.device,
    signal: run.signal,
    claimPid: run.claimPid,
    isDetached: run.isDetached,
    out: (text) => run.streams.stdout.write(Buffer.from(text)),
    err: (text) => run.streams.stderr.write(Buffer.from(text)),
    run: (argv, changes: CallChanges = {}) => runCommand(interpreter, argv, { ...run, ...changes }),
    runSource: (source: string, state: ShellState) => {
      run.claimPid?.(NO_PROCESS);
      return interpreter.runShell(source, { ...run, state, claimPid: undefined });
    },
    isCommand: (other) => SPECIAL_BUILTINS.has(other) || interpreter.commands.has(other),
  };
}

/** The command of a name or path; text when the file cannot be executed; undefined when there is none. */
function findCommand(interpreter: Interpreter, call: CommandCall): Command | string | undefined {
  const { name, device } = call;
  if (!name.includes('/')) return SPECIAL_BUILTINS.get(name) ?? interpreter.commands.get(name);
  const path = device.files.resolve(operandPath(call, name));
  if (path.startsWith('/system/bin/')) return interpreter.commands.get(path.slice('/system/bin/'.length));
  return programFile(device, path, name);
}
