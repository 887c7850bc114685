import { setImmediate } from 'node:timers/promises';
import type { PhoneDevice } from '../device.ts';
import { PhoneFileError } from '../files/errno.ts';
import { startJob } from './background-job.ts';
import { BrokenPipeError, Pipe, TextSink } from './byte-streams.ts';
import type { CommandTable } from './command.ts';
import { expandPattern, expandText, expandWords, type Expander } from './expand.ts';
import { matchesPattern } from './glob.ts';
import { parseScript } from './parser.ts';
import { applyRedirects } from './redirects.ts';
import { ExitShell, LoopJump, ShellError, type ShellState, type Streams } from './shell-state.ts';
import { runSimple } from './simple-command.ts';
import { ShellSyntaxError, type Node, type Script } from './syntax.ts';

/** Where and how a part of a script runs. */
export interface Run {
  readonly state: ShellState;
  readonly streams: Streams;
  readonly signal: AbortSignal;
  readonly isDetached: boolean;
  /** Takes the pid of the real process that a background job becomes, 0 when it becomes none. */
  readonly claimPid?: ((pid: number) => void) | undefined;
  /** Jobs that keep the shell's own output open after its end; the connection waits for them, as adbd does. */
  readonly holders: Promise<unknown>[];
}

/** Status of a process that SIGPIPE ended. */
const BROKEN_PIPE_STATUS = 141;
const HANGUP_STATUS = 129;

/** Runs scripts of Android's sh inside the phone; nothing of them reaches the host's shell. */
export class Interpreter {
  readonly device: PhoneDevice;
  readonly commands: CommandTable;

  constructor(device: PhoneDevice, commands: CommandTable) {
    this.device = device;
    this.commands = commands;
  }

  /** Parses and runs a script; a syntax error is told on stderr and ends with status 1. */
  async runSource(source: string, run: Run): Promise<number> {
    try {
      return await this.runScript(parseScript(source), run);
    } catch (error) {
      if (!(error instanceof ShellSyntaxError)) throw error;
      await run.streams.stderr.write(Buffer.from(`${run.state.name}: ${error.message}\n`));
      return 1;
    }
  }

  /** As {@link runSource} in a shell of its own: `exit` ends it, whatever happens becomes a status. */
  async runShell(source: string, run: Run): Promise<number> {
    return this.#asStatus(() => this.runSource(source, run), run);
  }

  async runScript(script: Script, run: Run): Promise<number> {
    for (const item of script) {
      if (run.signal.aborted) throw new ExitShell(HANGUP_STATUS);
      run.state.lastStatus = item.background
        ? await startJob(this.device, item.node, run, (job) =>
            this.#asStatus(() => this.#node(item.node, job), job),
          )
        : await this.#node(item.node, run);
    }
    return run.state.lastStatus;
  }

  expander(run: Run): Expander {
    const { files } = this.device;
    return {
      state: run.state,
      folder: {
        names: (path) => {
          try {
            return files.readdir(path || '/');
          } catch {
            return [];
          }
        },
        exists: (path) => files.statIfAny(path, false) !== undefined,
      },
      substitute: async (source) => {
        const sink = new TextSink();
        const status = await this.runShell(source, {
          ...run,
          state: run.state.copy(),
          streams: { ...run.streams, stdout: sink },
        });
        run.state.lastStatus = status;
        return sink.text();
      },
    };
  }

  async #asStatus(action: () => Promise<number>, run: Run): Promise<number> {
    try {
      return await action();
    } catch (error) {
      if (error instanceof ExitShell) return error.status;
      if (error instanceof BrokenPipeError) return BROKEN_PIPE_STATUS;
      if (error instanceof LoopJump) return 0;
      if (!(error instanceof ShellError) && !(error instanceof PhoneFileError)) throw error;
      await run.streams.stderr
        .write(Buffer.from(`${run.state.name}: ${error.message}\n`))
        .catch(() => undefined);
      return error instanceof ShellError ? error.status : 1;
    }
  }

  async #node(node: Node, run: Run): Promise<number> {
    if (node.kind === 'simple') return runSimple(this, node, run);
    if (node.kind === 'pipeline') return this.#pipeline(node, run);
    if (node.kind === 'and-or') return this.#andOr(node, run);
    if (node.redirects.length === 0) return this.#compound(node, run);
    let redirected;
    try {
      redirected = await applyRedirects(node.redirects, run.streams, this.device, this.expander(run));
    } catch (error) {
      return this.#asStatus(() => Promise.reject(error), run);
    }
    try {
      return await this.#compound(node, { ...run, streams: redirected.streams });
    } finally {
      await redirected.close();
    }
  }

  async #andOr(node: Extract<Node, { kind: 'and-or' }>, run: Run): Promise<number> {
    let status = await this.#node(node.first, run);
    for (const item of node.rest) {
      run.state.lastStatus = status;
      if ((status === 0) === (item.operator === '&&')) status = await this.#node(item.node, run);
    }
    return status;
  }

  async #pipeline(node: Extract<Node, { kind: 'pipeline' }>, run: Run): Promise<number> {
    const pipes = node.commands.slice(1).map(() => new Pipe());
    const [only] = node.commands;
    const statuses =
      node.commands.length === 1 && only !== undefined
        ? [await this.#node(only, run)]
        : await Promise.all(
            node.commands.map(async (command, index) => {
              const before = pipes[index - 1];
              const after = pipes[index];
              const streams = {
                stdin: before ?? run.streams.stdin,
                stdout: after ?? run.streams.stdout,
                stderr: run.streams.stderr,
              };
              const inner = { ...run, state: run.state.copy(), streams, claimPid: undefined };
              try {
                return await this.#asStatus(() => this.#node(command, inner), inner);
              } finally {
                after?.end();
                before?.break();
              }
            }),
          );
    const status = statuses.at(-1) ?? 0;
    return node.negated ? Number(status === 0) : status;
  }

  async #compound(
    node: Exclude<Node, { kind: 'simple' | 'pipeline' | 'and-or' }>,
    run: Run,
  ): Promise<number> {
    const { state } = run;
    switch (node.kind) {
      case 'group':
        return this.runScript(node.body, run);
      case 'subshell': {
        const inner = { ...run, state: state.copy() };
        return this.#asStatus(() => this.runScript(node.body, inner), inner);
      }
      case 'if':
        for (const clause of node.clauses)
          if ((await this.runScript(clause.condition, run)) === 0) return this.runScript(clause.body, run);
        return node.otherwise === undefined ? 0 : this.runScript(node.otherwise, run);
      case 'for': {
        const values =
          node.words === undefined ? state.positional : await expandWords(node.words, this.expander(run));
        let status = 0;
        for (const value of values) {
          state.variables.set(node.name, value);
          const left = await this.#loopBody(node.body, run);
          if (left === 'break') break;
          if (left !== 'continue') status = left;
        }
        return status;
      }
      case 'while': {
        let status = 0;
        while (((await this.runScript(node.condition, run)) === 0) !== node.until) {
          const left = await this.#loopBody(node.body, run);
          if (left === 'break') break;
          if (left !== 'continue') status = left;
          // A loop of built-in commands never leaves the microtask queue by itself.
          await setImmediate();
        }
        return status;
      }
      case 'case': {
        const subject = await expandText(node.subject, this.expander(run));
        for (const clause of node.clauses)
          for (const pattern of clause.patterns)
            if (matchesPattern(await expandPattern(pattern, this.expander(run)), subject))
              return this.runScript(clause.body, run);
        return 0;
      }
    }
  }

  async #loopBody(body: Script, run: Run): Promise<number | 'break' | 'continue'> {
    try {
      return await this.runScript(body, run);
    } catch (error) {
      if (!(error instanceof LoopJump)) throw error;
      if (error.levels > 1) {
        error.levels -= 1;
        throw error;
      }
      return error.kind;
    }
  }
}
