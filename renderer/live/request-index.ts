import type { LiveEvent } from '../../core/run-record.ts';
import { cutOff, reduceRequest, requestIdOf, type RequestRow } from './request-row.ts';

/** Requests kept while live; older ones leave the window (the run's folder keeps them all). */
export const MAX_REQUESTS = 20_000;
/** Generated text kept over all requests, characters. */
const MAX_TOTAL_CHARS = 16_000_000;

/** Requests by id and in order of arrival, bounded in number and in text. */
export class RequestIndex {
  readonly #maxRequests: number;
  #rows: RequestRow[] = [];
  /** Position of an id counted from the first request ever, so that evicting needs no renumbering. */
  readonly #positions = new Map<string, number>();
  #evicted = 0;
  #chars = 0;

  constructor(maxRequests = MAX_REQUESTS) {
    this.#maxRequests = maxRequests;
  }

  /** Oldest first; a copy. */
  rows(): RequestRow[] {
    return this.#rows.slice(-this.#maxRequests);
  }

  apply(event: LiveEvent): void {
    const id = requestIdOf(event);
    if (id === null) return;
    const position = this.#positions.get(id);
    const index = position === undefined ? this.#rows.length : position - this.#evicted;
    const before = this.#rows[index];
    const after = reduceRequest(before, event);
    if (after === undefined || after === before) return;
    this.#rows[index] = after;
    this.#chars += after.text.length - (before?.text.length ?? 0);
    if (position === undefined) {
      this.#positions.set(id, index + this.#evicted);
      // In chunks: removing from the front of a long array for each new request would be quadratic.
      if (this.#rows.length > this.#maxRequests * 1.05 + 1)
        this.#evict(this.#rows.length - this.#maxRequests);
    }
    while (this.#chars > MAX_TOTAL_CHARS && this.#rows.length > 1)
      this.#evict(Math.ceil(this.#rows.length / 20));
  }

  dropBefore(atMs: number): void {
    const first = this.#rows.findIndex((row) => row.atMs >= atMs);
    this.#evict(first < 0 ? this.#rows.length : first);
  }

  cutOffOpen(): void {
    this.#rows = this.#rows.map(cutOff);
  }

  #evict(count: number): void {
    for (const row of this.#rows.splice(0, count)) {
      this.#positions.delete(row.id);
      this.#chars -= row.text.length;
    }
    this.#evicted += count;
  }
}
