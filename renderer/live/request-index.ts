import type { LiveEvent } from '../../core/run-record.ts';
import {
  cutOff,
  detailItems,
  reduceRequest,
  requestIdOf,
  withoutDetails,
  type RequestRow,
} from './request-row.ts';

/** Requests kept while live; older ones leave the window (the run's folder keeps them all). */
export const MAX_REQUESTS = 20_000;
/** Generated text kept over all requests, characters. */
const MAX_TOTAL_CHARS = 16_000_000;
/** Words of compressed prompts and strategies of grids kept over all requests: about 1000 requests. */
const MAX_DETAIL_ITEMS = 400_000;

/** Requests by id and in order of arrival, bounded in number, in text and in details. */
export class RequestIndex {
  readonly #maxRequests: number;
  readonly #maxDetailItems: number;
  #rows: RequestRow[] = [];
  /** Position of an id counted from the first request ever, so that evicting needs no renumbering. */
  readonly #positions = new Map<string, number>();
  #evicted = 0;
  #chars = 0;
  /** Requests that hold details, oldest first. */
  readonly #detailed = new Set<string>();
  #detailItems = 0;

  constructor(maxRequests = MAX_REQUESTS, maxDetailItems = MAX_DETAIL_ITEMS) {
    this.#maxRequests = maxRequests;
    this.#maxDetailItems = maxDetailItems;
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
    this.#countDetails(before, after);
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

  #countDetails(before: RequestRow | undefined, after: RequestRow): void {
    const more = detailItems(after) - detailItems(before);
    if (more === 0) return;
    this.#detailItems += more;
    this.#detailed.add(after.id);
    for (const id of this.#detailed) {
      if (this.#detailItems <= this.#maxDetailItems || id === after.id) break;
      this.#dropDetails(id);
    }
  }

  #dropDetails(id: string): void {
    const index = (this.#positions.get(id) ?? this.#evicted - 1) - this.#evicted;
    const row = this.#rows[index];
    this.#detailed.delete(id);
    if (row === undefined) return;
    this.#detailItems -= detailItems(row);
    this.#rows[index] = withoutDetails(row);
  }

  #evict(count: number): void {
    for (const row of this.#rows.splice(0, count)) {
      this.#positions.delete(row.id);
      this.#chars -= row.text.length;
      this.#detailItems -= detailItems(row);
      this.#detailed.delete(row.id);
    }
    this.#evicted += count;
  }
}
