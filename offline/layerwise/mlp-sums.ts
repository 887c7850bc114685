import type { HiddenStatistics, MissingStatistics } from './layer-pass.ts';
import { solveRidge } from './positive-definite.ts';

/** Sums of the statistics of one level's layer over all text, in float64. */
export class MlpSums {
  readonly #neurons: number;
  readonly #hidden: number;
  readonly #gram: Float64Array;
  readonly #cross: Float64Array;
  readonly #hiddenSum: Float64Array;
  readonly #missingSum: Float64Array;
  #weight = 0;

  constructor(neurons: number, hiddenSize: number) {
    this.#neurons = neurons;
    this.#hidden = hiddenSize;
    this.#gram = new Float64Array(neurons * neurons);
    this.#cross = new Float64Array(neurons * hiddenSize);
    this.#hiddenSum = new Float64Array(neurons);
    this.#missingSum = new Float64Array(hiddenSize);
  }

  /** @param weights of the rows that the statistics are of */
  add(statistics: HiddenStatistics & Partial<MissingStatistics>, weights: Float32Array): void {
    addTo(this.#gram, statistics.gram);
    addTo(this.#hiddenSum, statistics.hiddenSum);
    if (statistics.cross !== undefined) addTo(this.#cross, statistics.cross);
    if (statistics.missingSum !== undefined) addTo(this.#missingSum, statistics.missingSum);
    for (const weight of weights) this.#weight += weight;
  }

  /**
   * What is still missing on average when `down` is changed.
   *
   * @param change [at least the neurons, hidden]
   */
  bias(change: Float32Array): Float32Array {
    const bias = this.#missingSum.slice();
    for (let n = 0; n < this.#neurons; n++) {
      const sum = this.#hiddenSum[n] as number;
      for (let c = 0; c < this.#hidden; c++)
        bias[c] = (bias[c] as number) - sum * (change[n * this.#hidden + c] as number);
    }
    return Float32Array.from(bias, (value) => value / this.#weight);
  }

  /** Means of the hidden values, [neurons]. */
  hiddenMeans(): Float64Array {
    return this.#hiddenSum.map((sum) => sum / this.#weight);
  }

  /**
   * The one change of `down` [ffn, hidden] that leaves least missing over all levels, their means apart (those are the
   * biases); 0 for neurons that none of them has.
   *
   * @param ridge of the mean of the diagonal, added to it
   */
  static async solve(
    parts: readonly { readonly part: MlpSums; readonly weight: number }[],
    ffnSize: number,
    hiddenSize: number,
    ridge: number,
  ): Promise<Float32Array> {
    const n = Math.max(0, ...parts.map(({ part }) => part.#neurons));
    const change = new Float32Array(ffnSize * hiddenSize);
    if (n === 0) return change;
    const gram = new Float64Array(n * n);
    const cross = new Float64Array(n * hiddenSize);
    for (const { part, weight } of parts) part.#addCentred(gram, cross, n, weight);
    let trace = 0;
    for (let i = 0; i < n; i++) trace += gram[i * n + i] as number;
    change.set(await solveRidge(gram, cross, n, Math.max((ridge * trace) / n, Number.MIN_VALUE)));
    return change;
  }

  /** The Gram matrix of the hidden values without their means, [neurons, neurons], per unit of weight. */
  centredGram(): Float64Array {
    const gram = new Float64Array(this.#neurons * this.#neurons);
    this.#addCentred(gram, new Float64Array(this.#cross.length), this.#neurons, 1);
    return gram;
  }

  /** Adds this level's Gram matrix and cross products without their means. */
  #addCentred(gram: Float64Array, cross: Float64Array, width: number, weight: number): void {
    const scale = weight / this.#weight;
    for (let i = 0; i < this.#neurons; i++) {
      const mean = (this.#hiddenSum[i] as number) / this.#weight;
      for (let j = 0; j < this.#neurons; j++) {
        const value = (this.#gram[i * this.#neurons + j] as number) - mean * (this.#hiddenSum[j] as number);
        gram[i * width + j] = (gram[i * width + j] as number) + scale * value;
      }
      for (let c = 0; c < this.#hidden; c++) {
        const at = i * this.#hidden + c;
        const value = (this.#cross[at] as number) - mean * (this.#missingSum[c] as number);
        cross[at] = (cross[at] as number) + scale * value;
      }
    }
  }
}

function addTo(sum: Float64Array, values: Float32Array): void {
  for (let i = 0; i < values.length; i++) sum[i] = (sum[i] as number) + (values[i] as number);
}
