import { invertRidge } from '../layerwise/cholesky.ts';

/** Of the mean of the Gram matrix's diagonal, added to it. */
const RIDGE = 0.01;

/**
 * Orders neurons by leaving them out one after the other, each time the one whose loss the others can best make up for:
 * the least |down row|^2 / [H^-1]_ii, H being the Gram matrix of the hidden values; the rows of those that stay, and H^-1,
 * are then what they are without it (Optimal Brain Surgeon, Hassibi & Stork 1992, for whole columns as in ZipLM, Kurtic
 * et al. 2023). The order is good for every size at once.
 *
 * @param gram [n, n], centred; overwritten
 * @param down [n, hidden]; not changed
 * @returns indices of the neurons, the one that was left out last first
 */
export function eliminationOrder(gram: Float64Array, down: Float32Array, n: number): number[] {
  const d = down.length / n;
  let trace = 0;
  for (let i = 0; i < n; i++) trace += gram[i * n + i] as number;
  const left = new Remaining(
    invertRidge(gram, n, Math.max((RIDGE * trace) / n, Number.MIN_VALUE)),
    Float64Array.from(down),
    n,
    d,
  );
  for (let count = n; count > 1; count--) left.remove(left.cheapest(count), count);
  return left.neurons;
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
