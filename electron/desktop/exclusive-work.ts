import { fail, type Result } from '../../core/result.ts';

/** One piece of work at a time, which can be aborted. */
export class ExclusiveWork {
  #current: AbortController | null = null;
  #settled: Promise<void> = Promise.resolve();

  get isUnderWay(): boolean {
    return this.#current !== null;
  }

  /** When the latest piece has ended, however it did. */
  get settled(): Promise<void> {
    return this.#settled;
  }

  abort(): void {
    this.#current?.abort();
  }

  /** Failures: `session-busy` while another piece is under way, those of the work. Throws what the work throws. */
  async run<T>(act: (signal: AbortSignal) => Promise<Result<T>>): Promise<Result<T>> {
    if (this.#current !== null)
      return fail(
        'session-busy',
        'Another start or profile is under way.',
        'Wait for it, or stop the session.',
      );
    const work = new AbortController();
    this.#current = work;
    const acting = act(work.signal);
    this.#settled = acting.then(
      () => undefined,
      () => undefined,
    );
    try {
      return await acting;
    } finally {
      this.#current = null;
    }
  }
}
