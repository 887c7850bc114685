import { fork, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { distFolder } from '../shared/folders.ts';
import {
  contenderReplySchema,
  type ContenderReply,
  type ContenderRequest,
  type ContenderSpec,
} from './contender-protocol.ts';

/** The parent's side of a contender: starts its process and asks it one thing at a time. */
export class ContenderProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  #loadMs = Number.NaN;
  #what = '';

  private constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.#child = child;
  }

  static async start(name: string, spec: ContenderSpec): Promise<ContenderProcess> {
    const child = fork(distFolder('scripts', 'bench.mjs'), ['contender', JSON.stringify(spec)], {
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    const contender = new ContenderProcess(name, child);
    const ready = await contender.#next('ready');
    contender.#loadMs = ready.loadMs;
    contender.#what = ready.what;
    return contender;
  }

  /** Time to load weights and graph, ms. */
  get loadMs(): number {
    return this.#loadMs;
  }

  /** How it runs: `zero-row`, `conditional`, `single` or `llama.cpp`. */
  get what(): string {
    return this.#what;
  }

  ask(
    request: Extract<ContenderRequest, { op: 'measure' }>,
  ): Promise<Extract<ContenderReply, { op: 'measured' }>> {
    this.#child.send(request);
    return this.#next('measured');
  }

  async switchTimes(request: Extract<ContenderRequest, { op: 'switch' }>): Promise<number[]> {
    this.#child.send(request);
    return (await this.#next('switched')).switchMs;
  }

  /** Proportional set size, bytes: pages shared by several mappings count once (RSS counts each). */
  pssBytes(): number | null {
    try {
      const rollup = readFileSync(`/proc/${this.#child.pid}/smaps_rollup`, 'utf8');
      const kib = /^Pss:\s+(\d+) kB/m.exec(rollup)?.[1];
      return kib === undefined ? null : Number(kib) * 1024;
    } catch {
      return null;
    }
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }

  #next<Op extends ContenderReply['op']>(op: Op): Promise<Extract<ContenderReply, { op: Op }>> {
    return new Promise((done, failed) => {
      const onExit = (): void => failed(new Error(`${this.name} ended (its message is above)`));
      this.#child.once('exit', onExit);
      this.#child.once('message', (input) => {
        this.#child.off('exit', onExit);
        const reply = contenderReplySchema.parse(input);
        if (reply.op === op) done(reply as Extract<ContenderReply, { op: Op }>);
        else
          failed(
            new Error(`${this.name}: ${reply.op === 'failed' ? reply.message : `answered ${reply.op}`}`),
          );
      });
    });
  }
}
