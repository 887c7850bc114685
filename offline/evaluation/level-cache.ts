import * as ort from 'onnxruntime-node';
import { pastKeyName, pastValueName } from '../../core/elastic-graph.ts';
import type { Feeds } from '../graph/model-feeds.ts';

/** One attention segment at a level. */
export interface AttentionState {
  readonly kvGroups: number;
  readonly on: boolean;
}

/** Keys and values of one sequence at one level: [1, groups, capacity, headDim] per attention segment. */
export class LevelCache {
  readonly capacity: number;
  /** Positions filled; rows beyond are not read. */
  length = 0;
  readonly #attention: readonly AttentionState[];
  readonly #headDim: number;
  readonly #sides: readonly [keys: Float32Array[], values: Float32Array[]];

  constructor(attention: readonly AttentionState[], headDim: number, capacity: number) {
    this.#attention = attention;
    this.#headDim = headDim;
    this.capacity = capacity;
    const side = (): Float32Array[] =>
      attention.map(({ kvGroups }) => new Float32Array(kvGroups * capacity * headDim));
    this.#sides = [side(), side()];
  }

  feeds(): Feeds {
    const feeds: Feeds = {};
    const [keys, values] = this.#sides;
    for (const [index, { kvGroups }] of this.#attention.entries()) {
      const dims = [1, kvGroups, this.capacity, this.#headDim];
      feeds[pastKeyName(index)] = new ort.Tensor('float32', keys[index] as Float32Array, dims);
      feeds[pastValueName(index)] = new ort.Tensor('float32', values[index] as Float32Array, dims);
    }
    return feeds;
  }

  /** Appends a run's new rows, `kv_delta` [2, groups that are on, tokens, headDim]. */
  append(delta: Float32Array, tokens: number): void {
    const rows = tokens * this.#headDim;
    const groupsOn = this.#attention.reduce((sum, { kvGroups, on }) => sum + (on ? kvGroups : 0), 0);
    if (delta.length !== 2 * groupsOn * rows)
      throw new RangeError(`kv_delta has ${delta.length} values, expected ${2 * groupsOn * rows}`);
    let source = 0;
    for (const side of this.#sides)
      for (const [index, { kvGroups, on }] of this.#attention.entries()) {
        const target = side[index] as Float32Array;
        for (let group = 0; on && group < kvGroups; group++) {
          target.set(
            delta.subarray(source, source + rows),
            (group * this.capacity + this.length) * this.#headDim,
          );
          source += rows;
        }
      }
    this.length += tokens;
  }
}
