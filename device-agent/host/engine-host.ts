import { Worker } from 'node:worker_threads';
import type { Level } from '../../core/level.ts';
import { fail, ok, type Failure, type Result } from '../../core/result.ts';
import type { ExecutionProvider } from '../../core/runtime-pack.ts';
import type { LevelSwitch } from '../engine/elastic-engine.ts';
import type { GenerationEnd, GenerationRequest } from '../engine/generate.ts';
import type { TokenBytes } from '../engine/token-bytes.ts';
import type { ProofFindings } from '../proof/prove.ts';
import type { TlmAnswer, TlmQuestion } from '../tlm/tlm.ts';
import { ActiveRun, requestOver, type RunHooks } from './active-run.ts';
import { cancelFlagOf } from './cancel-flag.ts';
import { PendingAnswer } from './pending-answer.ts';
import { findWorkerFile } from './worker-file.ts';
import type {
  EngineOpened,
  OpenCommand,
  ProveCommand,
  WorkerCommand,
  WorkerReply,
} from './worker-protocol.ts';

export interface HostOptions extends Omit<OpenCommand, 'kind'> {
  /** Built worker; default: found beside this program. */
  readonly workerFile?: string;
  readonly log: (line: string) => void;
}

export type HostState = 'loading' | 'ready' | 'failed' | 'closed';

/**
 * The engine as the HTTP thread sees it: one worker, one run at a time. When the worker dies, the run under
 * way fails and the session is opened again once; if that fails too the host is `failed`.
 */
export class EngineHost {
  state: HostState = 'loading';
  failure: Failure | null = null;
  opened: EngineOpened | null = null;
  /** What prefills; `cpu` = the engine alone. */
  prefillProvider: ExecutionProvider = 'cpu';
  readonly #options: HostOptions;
  readonly #workerFile: string;
  #worker: Worker | null = null;
  #active: ActiveRun | null = null;
  readonly #question = new PendingAnswer<TlmAnswer>();
  readonly #proof = new PendingAnswer<ProofFindings>();
  readonly #setting = new PendingAnswer<null>();
  #opening: Promise<Result<EngineOpened>> | null = null;
  #settleOpening: ((result: Result<EngineOpened>) => void) | null = null;
  #nextId = 1;
  #closed: (() => void) | null = null;

  constructor(options: HostOptions) {
    this.#options = options;
    this.#workerFile = options.workerFile ?? findWorkerFile();
  }

  /** Verifies and loads the bundle. Failures: those of the worker's `open`, `engine-crashed`. */
  open(): Promise<Result<EngineOpened>> {
    this.state = 'loading';
    const opening = new Promise<Result<EngineOpened>>((resolve) => {
      this.#settleOpening = resolve;
      const worker = new Worker(this.#workerFile);
      this.#worker = worker;
      worker.on('message', (reply: WorkerReply) => this.#onReply(reply));
      // An error is always followed by the exit, which comes after all that the worker had still sent.
      let why: string | null = null;
      worker.on('error', (error) => (why = error.message));
      worker.on('exit', (code) => this.#onDeath(worker, why ?? `exit code ${code}`));
      const { bundleDir, manifest, threads, segmentForm, stampFile } = this.#options;
      this.#post({ kind: 'open', bundleDir, manifest, threads, segmentForm, stampFile });
    });
    this.#opening = opening.then((result) => {
      this.#settleOpening = null;
      this.state = result.ok ? 'ready' : 'failed';
      if (result.ok) this.opened = result.value;
      else this.failure = result.failure;
      return result;
    });
    return this.#opening;
  }

  /**
   * Serves one request; call again only when the promise is settled. Failures: `engine-run` (the runtime
   * refused), `engine-crashed`, and that of opening. An abort ends it with reason `cancelled`.
   */
  async run(
    request: GenerationRequest,
    table: TokenBytes,
    hooks: RunHooks,
    signal?: AbortSignal,
  ): Promise<Result<GenerationEnd>> {
    const opened = await this.#whenOpen();
    if (!opened.ok) return opened;
    if (this.#active !== null) throw new Error('the engine serves one request at a time');
    if (signal?.aborted === true) return ok({ ahead: null, reason: 'cancelled', tokens: 0, tail: '' });
    const { flag: cancelFlag, release } = cancelFlagOf(signal);
    try {
      return await new Promise<Result<GenerationEnd>>((settle) => {
        const id = this.#nextId++;
        this.#active = new ActiveRun(id, hooks, settle);
        this.#post({ kind: 'generate', id, request, table, cancelFlag });
      });
    } finally {
      this.#endRun();
      release();
    }
  }

  /** Whether the bundle has a TLM that can be asked. */
  get hasTlm(): boolean {
    return this.opened?.tlm.ready === true;
  }

  /** Asks the TLM; one question at a time. Failures: `tlm-run`, `engine-crashed`, and that of opening. */
  async askTlm(question: TlmQuestion): Promise<Result<TlmAnswer>> {
    const opened = await this.#whenOpen();
    if (!opened.ok) return opened;
    const id = this.#nextId++;
    return this.#question.ask(id, () => this.#post({ kind: 'tlm', id, question }));
  }

  /**
   * Tries the execution providers; the engine must be idle. Failures: `proof-run`, `request-cancelled`,
   * `engine-crashed`, and that of opening.
   */
  async prove(
    question: Omit<ProveCommand, 'kind' | 'id' | 'cancelFlag'>,
    signal: AbortSignal,
  ): Promise<Result<ProofFindings>> {
    const opened = await this.#whenOpen();
    if (!opened.ok) return opened;
    if (this.#active !== null) throw new Error('a proof has the engine to itself');
    const { flag: cancelFlag, release } = cancelFlagOf(signal);
    const id = this.#nextId++;
    try {
      return await this.#proof.ask(id, () => this.#post({ kind: 'prove', id, ...question, cancelFlag }));
    } finally {
      release();
    }
  }

  /**
   * Prefills on this provider from now on, until the worker dies; `cpu` = by the engine alone. The engine must be
   * idle. Failures: `provider-missing`, `static-graph-missing`, `graph-rejected`, `engine-crashed`, that of opening; the
   * engine then prefills.
   */
  async prefillOn(provider: ExecutionProvider): Promise<Result<null>> {
    const opened = await this.#whenOpen();
    if (!opened.ok) return opened;
    if (this.#active !== null) throw new Error('the engine is not idle');
    const id = this.#nextId++;
    const result = await this.#setting.ask(id, () => this.#post({ kind: 'prefill-on', id, provider }));
    this.prefillProvider = result.ok ? provider : 'cpu';
    return result;
  }

  /** Lowers the level of the run under way. Failures: `request-over`, those of the engine's lowerLevel. */
  lowerLevel(level: Level): Promise<Result<LevelSwitch>> {
    const active = this.#active;
    if (active === null) return Promise.resolve(requestOver());
    return active.lower(() => this.#post({ kind: 'lower-level', id: active.id, level }));
  }

  /** Frees the session and ends the worker; a run under way must have been cancelled before. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.state = 'closed';
    if (worker === null) return;
    await new Promise<void>((resolve) => {
      this.#closed = resolve;
      this.#post({ kind: 'close' });
    });
    this.#worker = null;
    await worker.terminate();
  }

  #whenOpen(): Promise<Result<EngineOpened>> {
    if (this.#opening === null) throw new Error('open() comes first');
    return this.#opening;
  }

  #endRun(): void {
    this.#active?.end();
    this.#active = null;
  }

  #post(command: WorkerCommand): void {
    this.#worker?.postMessage(command);
  }

  #onReply(reply: WorkerReply): void {
    if (reply.kind === 'opened') return this.#settleOpening?.(reply.result);
    if (reply.kind === 'closed') return this.#closed?.();
    if (reply.kind === 'tlm-answer') return this.#question.answer(reply.id, reply.result);
    if (reply.kind === 'proved') return this.#proof.answer(reply.id, reply.result);
    if (reply.kind === 'prefill-set') return this.#setting.answer(reply.id, reply.result);
    if (reply.kind === 'prefill-lost') {
      this.prefillProvider = 'cpu';
      this.#options.log(`the CPU prefills from now on: ${reply.failure.message}`);
    } else if (reply.id === this.#active?.id) this.#active.answer(reply);
  }

  #onDeath(worker: Worker, why: string): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    const failure = fail(
      'engine-crashed',
      `The engine stopped unexpectedly: ${why}.`,
      'Send the request again.',
    );
    this.#closed?.();
    this.#active?.fail(failure);
    this.#question.settle(failure);
    this.#proof.settle(failure);
    this.#setting.settle(failure);
    // What prefilled may be what killed it.
    this.prefillProvider = 'cpu';
    if (this.state === 'ready') {
      this.#options.log(`engine worker died (${why}); opening the session again`);
      void this.open().then((result) => {
        this.#options.log(
          result.ok
            ? `engine is back after ${Math.round(result.value.loadMs)} ms`
            : `engine cannot be opened again: ${result.failure.message}`,
        );
      });
      return;
    }
    this.#settleOpening?.(failure);
  }
}
