import type { PhoneDevice } from '../device.ts';
import type { ShellState, Streams } from './shell-state.ts';

/** What one run of a command gets. */
export interface CommandCall {
  readonly name: string;
  readonly args: readonly string[];
  readonly streams: Streams;
  readonly state: ShellState;
  readonly device: PhoneDevice;
  /** Aborted when the command has to end: its shell's client is gone, it was killed, the phone goes off. */
  readonly signal: AbortSignal;
  /** Set for a background job: takes the pid of the real process that the job becomes. */
  readonly claimPid?: ((pid: number) => void) | undefined;
  /** The process outlives its shell's client (`nohup`, `setsid`, background jobs). */
  readonly isDetached: boolean;
  readonly out: (text: string) => Promise<void>;
  readonly err: (text: string) => Promise<void>;
  /** Runs another command in this one's place. */
  readonly run: (argv: readonly string[], changes?: CallChanges) => Promise<number>;
  /** Runs a script in this shell's state (`sh -c` passes a copy). */
  readonly runSource: (source: string, state: ShellState) => Promise<number>;
  readonly isCommand: (name: string) => boolean;
}

export interface CallChanges {
  readonly streams?: Streams;
  readonly state?: ShellState;
  readonly signal?: AbortSignal;
  readonly isDetached?: boolean;
}

/** @returns exit status 0..255. */
export type Command = (call: CommandCall) => Promise<number> | number;

export type CommandTable = ReadonlyMap<string, Command>;

/** Absolute phone path of a command's operand. */
export function operandPath(call: CommandCall, path: string): string {
  return path.startsWith('/') ? path : `${call.state.cwd === '/' ? '' : call.state.cwd}/${path}`;
}

export interface ParsedFlags {
  readonly flags: ReadonlySet<string>;
  /** Last value of each option that takes one. */
  readonly values: ReadonlyMap<string, string>;
  readonly operands: readonly string[];
  /** First flag that the command does not know. */
  readonly unknown: string | undefined;
}

/** Splits short options (`-la`, `-n 5`, `-n5`) from operands; `withValue` names the letters that take a value. */
export function parseFlags(args: readonly string[], known: string, withValue = ''): ParsedFlags {
  const flags = new Set<string>();
  const values = new Map<string, string>();
  const operands: string[] = [];
  let unknown: string | undefined;
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index] ?? '';
    if (arg === '--') {
      operands.push(...args.slice(index + 1));
      break;
    }
    if (!arg.startsWith('-') || arg === '-') {
      operands.push(arg);
      continue;
    }
    for (let at = 1; at < arg.length; at += 1) {
      const letter = arg[at] ?? '';
      if (withValue.includes(letter)) {
        const rest = arg.slice(at + 1);
        index += rest === '' ? 1 : 0;
        values.set(letter, rest === '' ? (args[index] ?? '') : rest);
        break;
      }
      if (known.includes(letter)) flags.add(letter);
      else unknown ??= letter;
    }
  }
  return { flags, values, operands, unknown };
}
