/** Samples in time order, as plain columns that a chart can read. `values` holds NaN where nothing is known. */
export interface SeriesView {
  /** Host clock, ms since the epoch, ascending. */
  readonly times: Float64Array;
  readonly values: Float64Array;
}

/** Fixed-capacity samples in time order; the oldest are overwritten, so that memory stays bounded. */
export class TimeSeries {
  readonly #times: Float64Array;
  readonly #values: Float64Array;
  #start = 0;
  #length = 0;
  #snapshot: SeriesView | null = null;

  constructor(capacity: number) {
    this.#times = new Float64Array(capacity);
    this.#values = new Float64Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  get last(): number | null {
    return this.#length === 0 ? null : (this.#values[this.#at(this.#length - 1)] ?? null);
  }

  /** A time before the last sample's counts as the last sample's: charts bisect these columns. */
  push(atMs: number, value: number): void {
    this.#snapshot = null;
    const capacity = this.#times.length;
    const lastMs = this.#length === 0 ? atMs : (this.#times[this.#at(this.#length - 1)] ?? atMs);
    if (this.#length === capacity) this.#start = (this.#start + 1) % capacity;
    else this.#length += 1;
    const index = this.#at(this.#length - 1);
    this.#times[index] = Math.max(atMs, lastMs);
    this.#values[index] = value;
  }

  /**
   * Forgets what was before `atMs`, except the last sample before it: a step line needs to know where it
   * comes from.
   */
  dropBefore(atMs: number): void {
    this.#snapshot = null;
    while (this.#length > 1 && (this.#times[this.#at(1)] ?? Infinity) <= atMs) {
      this.#start = (this.#start + 1) % this.#times.length;
      this.#length -= 1;
    }
  }

  /** A copy that stays as it is; the same one until a sample comes in. */
  snapshot(): SeriesView {
    this.#snapshot ??= { times: this.#copy(this.#times), values: this.#copy(this.#values) };
    return this.#snapshot;
  }

  #at(index: number): number {
    return (this.#start + index) % this.#times.length;
  }

  #copy(column: Float64Array): Float64Array {
    const copy = new Float64Array(this.#length);
    const head = column.subarray(this.#start, Math.min(this.#start + this.#length, column.length));
    copy.set(head);
    copy.set(column.subarray(0, this.#length - head.length), head.length);
    return copy;
  }
}

/** First index whose time is not before `atMs`; `times.length` when all are. */
export function lowerBound(times: ArrayLike<number>, atMs: number): number {
  return lowerBoundBy(times.length, (index) => times[index] ?? Infinity, atMs);
}

/** As {@link lowerBound}, for `length` ascending times that are read one by one. */
export function lowerBoundBy(length: number, timeAt: (index: number) => number, atMs: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (timeAt(middle) < atMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The value of a step line at a moment; null before its first sample or where it is not known. */
export function valueAt(series: SeriesView, atMs: number): number | null {
  const after = lowerBound(series.times, atMs + Number.EPSILON);
  const index = series.times[after] === atMs ? after : after - 1;
  const value = series.values[index];
  return value === undefined || Number.isNaN(value) ? null : value;
}
