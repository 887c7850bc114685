import { Tensor } from 'onnxruntime-node';

/** Capacities are multiples of this: few distinct buffer sizes, so that pooled ones fit again. */
const CAPACITY_STEP = 64;
/** Free buffers kept for reuse, bytes; a fresh buffer costs about 1 % of a short prompt's TTFT. */
const POOL_BYTES = 192 * 1024 * 1024;

export interface KvShape {
  /** KV groups of each attention segment, in graph order. */
  readonly groups: readonly number[];
  readonly headDim: number;
}

export function roundCapacity(tokens: number): number {
  return Math.max(1, Math.ceil(tokens / CAPACITY_STEP)) * CAPACITY_STEP;
}

/**
 * Keys and values of one sequence: per attention segment two tensors [1, groups, capacity, headDim], all
 * views of one buffer. The runtime copies the whole capacity at each run, so it is kept close to the length.
 */
export class KvCache {
  readonly capacity: number;
  readonly buffer: Float32Array;
  readonly keys: readonly Tensor[];
  readonly values: readonly Tensor[];
  /** Positions filled. */
  length = 0;
  readonly #shape: KvShape;

  constructor(shape: KvShape, capacity: number, buffer: Float32Array) {
    this.capacity = capacity;
    this.buffer = buffer;
    this.#shape = shape;
    let offset = 0;
    const take = (groups: number): Tensor => {
      const size = groups * capacity * shape.headDim;
      const view = buffer.subarray(offset, offset + size);
      offset += size;
      return new Tensor('float32', view, [1, groups, capacity, shape.headDim]);
    };
    const keys: Tensor[] = [];
    const values: Tensor[] = [];
    for (const groups of shape.groups) {
      keys.push(take(groups));
      values.push(take(groups));
    }
    this.keys = keys;
    this.values = values;
  }

  /**
   * Appends the rows of a run's `kv_delta` [2, groups on, rows, headDim] and advances {@link length}.
   *
   * @param on per attention segment, whether it was on in that run.
   * @param rows rows of the run, of which the first `tokens` count.
   */
  append(delta: Float32Array, tokens: number, on: readonly boolean[], rows = tokens): void {
    const { groups, headDim } = this.#shape;
    const rowSize = tokens * headDim;
    const groupsOn = groups.reduce((sum, count, a) => sum + (on[a] === true ? count : 0), 0);
    if (delta.length !== 2 * groupsOn * rows * headDim)
      throw new Error(`kv_delta has ${delta.length} values, expected ${2 * groupsOn * rows * headDim}`);
    if (this.length + tokens > this.capacity) throw new Error('KV cache is full');
    let source = 0;
    for (const side of [this.keys, this.values])
      for (const [a, count] of groups.entries()) {
        if (on[a] !== true) continue;
        const target = side[a]?.data as Float32Array;
        for (let group = 0; group < count; group++) {
          target.set(
            delta.subarray(source, source + rowSize),
            (group * this.capacity + this.length) * headDim,
          );
          source += rows * headDim;
        }
      }
    this.length += tokens;
  }

  /**
   * Copies the filled rows of some attention segments' keys or values into [their groups, rows, headDim].
   *
   * @param side {@link keys} or {@link values}
   * @param rows at least {@link length}; those behind it are left as they are.
   */
  copyRows(side: readonly Tensor[], places: readonly number[], target: Float32Array, rows: number): void {
    const { groups, headDim } = this.#shape;
    let to = 0;
    for (const place of places) {
      const source = side[place]?.data as Float32Array;
      for (let group = 0; group < (groups[place] ?? 0); group++) {
        const from = group * this.capacity * headDim;
        target.set(source.subarray(from, from + this.length * headDim), to);
        to += rows * headDim;
      }
    }
  }

  /** Copies the filled positions of another cache of the same shape. */
  copyFrom(other: KvCache): void {
    const { groups, headDim } = this.#shape;
    const size = other.length * headDim;
    for (const [to, from] of [
      [this.keys, other.keys],
      [this.values, other.values],
    ] as const)
      for (const [a, count] of groups.entries()) {
        const target = to[a]?.data as Float32Array;
        const source = from[a]?.data as Float32Array;
        for (let group = 0; group < count; group++) {
          const start = group * other.capacity * headDim;
          target.set(source.subarray(start, start + size), group * this.capacity * headDim);
        }
      }
    this.length = other.length;
  }
}

/** Hands out KV caches by capacity and keeps returned ones for the next request. */
export class KvPool {
  readonly #shape: KvShape;
  #free: KvCache[] = [];

  constructor(shape: KvShape) {
    this.#shape = shape;
  }

  /** A cache for at least `tokens` positions; stale rows beyond its length are never read. */
  acquire(tokens: number): KvCache {
    const capacity = roundCapacity(tokens);
    const index = this.#free.findIndex((cache) => cache.capacity === capacity);
    const [pooled] = index < 0 ? [] : this.#free.splice(index, 1);
    if (pooled !== undefined) {
      pooled.length = 0;
      return pooled;
    }
    const groups = this.#shape.groups.reduce((sum, count) => sum + count, 0);
    return new KvCache(this.#shape, capacity, new Float32Array(2 * groups * capacity * this.#shape.headDim));
  }

  release(cache: KvCache): void {
    this.#free.unshift(cache);
    let bytes = 0;
    this.#free = this.#free.filter((free) => (bytes += free.buffer.byteLength) <= POOL_BYTES);
  }

  /** A larger cache with the same content; the old one goes back to the pool. */
  grow(cache: KvCache, tokens: number): KvCache {
    const larger = this.acquire(tokens);
    larger.copyFrom(cache);
    this.release(cache);
    return larger;
  }
}
