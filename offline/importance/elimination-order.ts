import { invertRidge } from '../layerwise/positive-definite.ts';

/** Of the mean of the Gram matrix's diagonal, added to it. */
const RIDGE = 0.01;

export interface Elimination {
  /** Indices of the neurons, the one that was left out last first. */
  readonly order: readonly number[];
  /** Number of neurons that are left -> `down` [n, hidden] as it makes up for the others, whose rows are 0. */
  readonly downs: ReadonlyMap<number, Float32Array>;
}

/**
 * Orders neurons by leaving them out one after the other, each time the one whose loss the others can best make up for:
 * the least |down row|^2 / [H^-1]_ii, H being the Gram matrix of the hidden values; the rows of those that stay, and H^-1,
 * are then what they are without it (Optimal Brain Surgeon, Hassibi & Stork 1992, for whole columns as in ZipLM, Kurtic
 * et al. 2023). The order is good for every size at once.
 *
 * @param gram [n, n], centred
 * @param down [n, hidden]; not changed
 * @param widths numbers of neurons at which `down` is wanted
 */
export async function eliminate(
  gram: Float64Array,
  down: Float32Array,
  n: number,
  widths: readonly number[] = [],
): Promise<Elimination> {
  const d = down.length / n;
  let trace = 0;
  for (let i = 0; i < n; i++) trace += gram[i * n + i] as number;
  const left = new Remaining(
    await invertRidge(gram, n, Math.max((RIDGE * trace) / n, Number.MIN_VALUE)),
    Float64Array.from(down),
    n,
    d,
  );
  const downs = new Map<number, Float32Array>();
  for (let count = n; count > 0; count--) {
    if (widths.includes(count)) downs.set(count, left.rows(count));
    if (count > 1) left.remove(left.cheapest(count), count);
  }
  return { order: left.neurons, downs };
}

/** Neurons that are left, in front of those that are gone, with what elimination needs to know of them. */
class Remaining {
  /** Position -> neuron. */
  readonly neurons: number[];
  /** [n, n], lower triangle. */
  readonly #inverse: Float64Array;
  /** [n, d]: `down`, as far as it makes up for those that are gone. */
  readonly #rows: Float64Array;
  readonly #squares: Float64Array;
  readonly #n: number;
  readonly #d: number;

  constructor(inverse: Float64Array, rows: Float64Array, n: number, d: number) {
    this.neurons = Array.from({ length: n }, (_, i) => i);
    this.#inverse = inverse;
    this.#rows = rows;
    this.#n = n;
    this.#d = d;
    this.#squares = new Float64Array(n);
    for (let i = 0; i < n; i++) this.#updateRow(i, 0, 0);
  }

  /** `down` with the first `count` alone, [n, hidden] in the order that it came in. */
  rows(count: number): Float32Array {
    const rows = new Float32Array(this.#rows.length);
    for (const [position, neuron] of this.neurons.slice(0, count).entries())
      rows.set(this.#rows.subarray(position * this.#d, (position + 1) * this.#d), neuron * this.#d);
    return rows;
  }

  /** Position of the one that is missed least among the first `count`. */
  cheapest(count: number): number {
    let best = 0;
    let least = Infinity;
    for (let i = 0; i < count; i++) {
      const missed = (this.#squares[i] as number) / (this.#inverse[i * this.#n + i] as number);
      if (missed < least) [best, least] = [i, missed];
    }
    return best;
  }

  /** Takes one out of the first `count`; the others make up for it. */
  remove(position: number, count: number): void {
    const last = count - 1;
    this.#swap(position, last);
    const inverse = this.#inverse;
    const n = this.#n;
    const pivot = inverse[last * n + last] as number;
    for (let i = 0; i < last; i++) {
      const factor = (inverse[last * n + i] as number) / pivot;
      for (let j = 0; j <= i; j++)
        inverse[i * n + j] = (inverse[i * n + j] as number) - factor * (inverse[last * n + j] as number);
      this.#updateRow(i, last, factor);
    }
  }

  /** row -= factor * row of another, and its square anew. */
  #updateRow(row: number, other: number, factor: number): void {
    const rows = this.#rows;
    const [to, from] = [row * this.#d, other * this.#d];
    let square = 0;
    for (let c = 0; c < this.#d; c++) {
      const value = (rows[to + c] as number) - factor * (rows[from + c] as number);
      rows[to + c] = value;
      square += value * value;
    }
    this.#squares[row] = square;
  }

  #swap(a: number, last: number): void {
    if (a === last) return;
    const n = this.#n;
    const exchange = (values: Float64Array, i: number, j: number): void => {
      const kept = values[i] as number;
      values[i] = values[j] as number;
      values[j] = kept;
    };
    [this.neurons[a], this.neurons[last]] = [this.neurons[last] as number, this.neurons[a] as number];
    for (let c = 0; c < this.#d; c++) exchange(this.#rows, a * this.#d + c, last * this.#d + c);
    exchange(this.#squares, a, last);
    for (let j = 0; j < a; j++) exchange(this.#inverse, a * n + j, last * n + j);
    for (let j = a + 1; j < last; j++) exchange(this.#inverse, j * n + a, last * n + j);
    exchange(this.#inverse, a * n + a, last * n + last);
  }
}
