import type { ByteSink, ByteSource } from './byte-streams.ts';

/** Standard streams of a command. */
export interface Streams {
  readonly stdin: ByteSource;
  readonly stdout: ByteSink;
  readonly stderr: ByteSink;
}

/** A background job of one shell. */
export interface Job {
  readonly pid: number;
  readonly done: Promise<number>;
}

/** Variables and the like of one shell; a subshell works on a copy. */
export class ShellState {
  readonly variables = new Map<string, string>();
  readonly exported = new Set<string>();
  cwd = '/';
  /** `$0` and the name before the shell's own messages. */
  name = '/system/bin/sh';
  positional: readonly string[] = [];
  lastStatus = 0;
  lastJobPid: number | undefined;
  jobs: Job[] = [];
  readonly pid: number;

  constructor(pid: number) {
    this.pid = pid;
  }

  copy(): ShellState {
    const copy = new ShellState(this.pid);
    for (const [name, value] of this.variables) copy.variables.set(name, value);
    for (const name of this.exported) copy.exported.add(name);
    copy.cwd = this.cwd;
    copy.name = this.name;
    copy.positional = this.positional;
    copy.lastStatus = this.lastStatus;
    copy.lastJobPid = this.lastJobPid;
    return copy;
  }

  export(name: string, value?: string): void {
    if (value !== undefined) this.variables.set(name, value);
    this.exported.add(name);
  }

  environment(): Map<string, string> {
    const environment = new Map<string, string>();
    for (const name of this.exported) {
      const value = this.variables.get(name);
      if (value !== undefined) environment.set(name, value);
    }
    return environment;
  }
}

/** Thrown by `exit`; ends the shell that runs it. */
export class ExitShell extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`exit ${status}`);
    this.status = status;
  }
}

/** Thrown by `break` and `continue`. */
export class LoopJump extends Error {
  readonly kind: 'break' | 'continue';
  levels: number;

  constructor(kind: 'break' | 'continue', levels: number) {
    super(kind);
    this.kind = kind;
    this.levels = levels;
  }
}

/** A failure that ends the current command with a message of the shell itself. */
export class ShellError extends Error {
  readonly status: number;

  constructor(message: string, status = 1) {
    super(message);
    this.status = status;
  }
}
