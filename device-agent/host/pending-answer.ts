import type { Result } from '../../core/result.ts';

/** A question to the worker that waits for its answer, one at a time. */
export class PendingAnswer<Answer> {
  #waiting: { readonly id: number; readonly settle: (result: Result<Answer>) => void } | null = null;

  /** @param post sends the question */
  ask(id: number, post: () => void): Promise<Result<Answer>> {
    if (this.#waiting !== null) throw new Error('one question of a kind at a time');
    return new Promise((settle) => {
      this.#waiting = { id, settle };
      post();
    });
  }

  /** An answer to another question is ignored. */
  answer(id: number, result: Result<Answer>): void {
    if (this.#waiting?.id === id) this.settle(result);
  }

  /** Ends the waiting, if there is any, whatever was asked. */
  settle(result: Result<Answer>): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.settle(result);
  }
}
