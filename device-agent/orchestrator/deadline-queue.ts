/** A waiting request; times are monotonic ms. */
export interface Queued<T> {
  readonly item: T;
  readonly arrivedAtMs: number;
  /** Arrival + TTFT limit; null = no TTFT bound. */
  readonly deadlineMs: number | null;
}

/** After this wait a request without a deadline goes before all others, so that it never starves. */
export const MAX_UNBOUNDED_WAIT_MS = 5_000;

/**
 * Earliest deadline first; requests without one follow in order of arrival, except that one that waited
 * {@link MAX_UNBOUNDED_WAIT_MS} is next. Equal deadlines are served in order of arrival.
 */
export class DeadlineQueue<T> {
  readonly capacity: number;
  readonly #waiting: Queued<T>[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** false when the queue is full. */
  push(entry: Queued<T>): boolean {
    if (this.#waiting.length >= this.capacity) return false;
    this.#waiting.push(entry);
    return true;
  }

  /** Takes the entry to serve at `nowMs`. */
  pop(nowMs: number): Queued<T> | undefined {
    const starved = this.#waiting.find(
      (entry) => entry.deadlineMs === null && nowMs - entry.arrivedAtMs >= MAX_UNBOUNDED_WAIT_MS,
    );
    const next = starved ?? this.#earliest();
    if (next !== undefined) this.#waiting.splice(this.#waiting.indexOf(next), 1);
    return next;
  }

  /** Takes an entry out before it is served; false when it is not waiting. */
  remove(item: T): boolean {
    const index = this.#waiting.findIndex((entry) => entry.item === item);
    if (index < 0) return false;
    this.#waiting.splice(index, 1);
    return true;
  }

  /** Takes all entries out, in no particular order. */
  drain(): Queued<T>[] {
    return this.#waiting.splice(0);
  }

  #earliest(): Queued<T> | undefined {
    let best: Queued<T> | undefined;
    const deadline = (entry: Queued<T>): number => entry.deadlineMs ?? Number.POSITIVE_INFINITY;
    for (const entry of this.#waiting)
      if (best === undefined || deadline(entry) < deadline(best)) best = entry;
    return best;
  }
}
