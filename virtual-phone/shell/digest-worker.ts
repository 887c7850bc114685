import { Worker } from 'node:worker_threads';

/** As much is handed over at a time. */
export const SLOT_BYTES = 1024 * 1024;
/** The whole ring stays small enough for a processor's cache. */
const SLOTS = 4;

/** The thread's program is text, so that it needs no file of its own beside a bundled phone. */
const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads');
const { createHash } = require('node:crypto');
const jobs = new Map();
parentPort.on('message', ({ job, algorithm, slot, length, isEnd, isDropped }) => {
  if (algorithm !== undefined) jobs.set(job, createHash(algorithm));
  const hash = jobs.get(job);
  if (slot !== undefined) {
    hash.update(Buffer.from(workerData.ring, slot * workerData.slotBytes, length));
    parentPort.postMessage({ slot });
  }
  if (isEnd) parentPort.postMessage({ job, digest: hash.digest('hex') });
  if (isEnd || isDropped) jobs.delete(job);
});
`;

/** One digest under way on the thread. */
export interface DigestJob {
  /** Takes a copy of the pieces; resolves once the thread has room for them. Best called with much at once. */
  update(pieces: readonly Uint8Array[]): Promise<void>;
  /** The digest of all bytes, in hexadecimal digits. */
  digest(): Promise<string>;
  /** Forgets the job; without effect after {@link digest}. */
  drop(): void;
}

type Answer = { readonly slot: number } | { readonly job: number; readonly digest: string };

/**
 * A thread that hashes. Bytes reach it through a ring of shared memory, which is its back-pressure. It keeps the
 * process alive only while there is something to hash.
 */
export class DigestWorker {
  static #shared: DigestWorker | undefined;
  readonly #worker: Worker;
  readonly #ring = new SharedArrayBuffer(SLOTS * SLOT_BYTES);
  readonly #freeSlots = Array.from({ length: SLOTS }, (_, slot) => slot);
  readonly #waiting: (() => void)[] = [];
  readonly #results = new Map<number, { resolve(digest: string): void; reject(error: Error): void }>();
  #failure: Error | undefined;
  #jobs = 0;
  #nextJob = 1;

  private constructor() {
    this.#worker = new Worker(PROGRAM, {
      eval: true,
      name: 'digest',
      execArgv: [],
      workerData: { ring: this.#ring, slotBytes: SLOT_BYTES },
    });
    this.#worker.on('message', (answer: Answer) => this.#onAnswer(answer));
    this.#worker.on('error', (error: Error) => this.#onEnd(error));
    this.#worker.on('exit', (code) => this.#onEnd(new Error(`the digest thread ended with ${code}`)));
    this.#worker.unref();
  }

  /** The thread of this process; started when it is needed first. */
  static shared(): DigestWorker {
    DigestWorker.#shared ??= new DigestWorker();
    return DigestWorker.#shared;
  }

  start(algorithm: string): DigestJob {
    const job = this.#nextJob;
    this.#nextJob += 1;
    this.#jobs += 1;
    this.#worker.ref();
    this.#worker.postMessage({ job, algorithm });
    let isOpen = true;
    const finish = (): void => {
      isOpen = false;
      this.#jobs -= 1;
      if (this.#jobs === 0) this.#worker.unref();
    };
    return {
      update: (pieces) => this.#update(job, pieces),
      digest: async () => {
        const result = new Promise<string>((resolve, reject) => this.#results.set(job, { resolve, reject }));
        if (this.#failure !== undefined) this.#onEnd(this.#failure);
        this.#worker.postMessage({ job, isEnd: true });
        try {
          return await result;
        } finally {
          finish();
        }
      },
      drop: () => {
        if (!isOpen) return;
        this.#worker.postMessage({ job, isDropped: true });
        finish();
      },
    };
  }

  async #update(job: number, pieces: readonly Uint8Array[]): Promise<void> {
    let rest = pieces;
    while (rest.length > 0) {
      const slot = await this.#takeSlot();
      const target = new Uint8Array(this.#ring, slot * SLOT_BYTES, SLOT_BYTES);
      let length = 0;
      const left: Uint8Array[] = [];
      for (const piece of rest) {
        const part = piece.subarray(0, SLOT_BYTES - length);
        target.set(part, length);
        length += part.length;
        if (part.length < piece.length) left.push(piece.subarray(part.length));
      }
      rest = left;
      this.#worker.postMessage({ job, slot, length });
    }
  }

  async #takeSlot(): Promise<number> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const slot = this.#freeSlots.pop();
      if (slot !== undefined) return slot;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #onAnswer(answer: Answer): void {
    if ('slot' in answer) {
      this.#freeSlots.push(answer.slot);
      this.#waiting.shift()?.();
    } else {
      this.#results.get(answer.job)?.resolve(answer.digest);
      this.#results.delete(answer.job);
    }
  }

  #onEnd(error: Error): void {
    this.#failure ??= error;
    if (DigestWorker.#shared === this) DigestWorker.#shared = undefined;
    for (const { reject } of this.#results.values()) reject(this.#failure);
    this.#results.clear();
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
