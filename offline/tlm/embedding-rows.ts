import { WEIGHTS, type SourceModel } from '../sources/source-model.ts';
import { TLM_NORM_EPSILON } from './forward-graph.ts';

/** The LLM's embedding rows as the TLM reads them: each divided by its root mean square. */
export class EmbeddingRows {
  readonly size: number;
  readonly #table: Float32Array;

  /** @param table [vocabulary, size]; normalised in place. */
  constructor(table: Float32Array, size: number) {
    this.size = size;
    this.#table = table;
    for (let at = 0; at < table.length; at += size) {
      const row = table.subarray(at, at + size);
      let sum = 0;
      for (const value of row) sum += value * value;
      const scale = 1 / Math.sqrt(sum / size + TLM_NORM_EPSILON);
      for (let i = 0; i < size; i++) row[i] = (row[i] as number) * scale;
    }
  }

  static of(model: SourceModel): EmbeddingRows {
    return new EmbeddingRows(model.tensor(WEIGHTS.embedding), model.config.hiddenSize);
  }

  /** Row of one token, [size]; shares memory. */
  row(token: number): Float32Array {
    const row = this.#table.subarray(token * this.size, (token + 1) * this.size);
    if (row.length !== this.size) throw new RangeError(`no token ${token} in the vocabulary`);
    return row;
  }
}
