import { closeSync, existsSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import type { WindowIds } from '../training/batch-feeds.ts';
import type { ForwardModel } from '../training/forward-model.ts';

/** What the teacher says at each of T positions: its K likeliest next tokens. */
export interface TeacherWindow {
  /** [T, K] token ids, likeliest first */
  readonly tokens: Int32Array;
  /** [T, K] probabilities */
  readonly probabilities: Float32Array;
}

/** The K largest of a row of log-probabilities, largest first; ties go to the lower id. */
export function likeliest(row: Float32Array, count: number): Int32Array {
  // A heap whose root is the smallest of the kept ones: most values are refused by one comparison.
  const heap = new Int32Array(count).fill(-1);
  let size = 0;
  const below = (a: number, b: number): boolean =>
    (row[a] as number) < (row[b] as number) || (row[a] === row[b] && a > b);
  for (let i = 0; i < row.length; i++) {
    let at: number;
    if (size < count) {
      at = size++;
      heap[at] = i;
      while (at > 0) {
        const parent = (at - 1) >> 1;
        if (!below(heap[at] as number, heap[parent] as number)) break;
        [heap[at], heap[parent]] = [heap[parent] as number, heap[at] as number];
        at = parent;
      }
      continue;
    }
    if (!below(heap[0] as number, i)) continue;
    heap[0] = i;
    at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= count) break;
      const right = left + 1;
      const child = right < count && below(heap[right] as number, heap[left] as number) ? right : left;
      if (!below(heap[child] as number, heap[at] as number)) break;
      [heap[at], heap[child]] = [heap[child] as number, heap[at] as number];
      at = child;
    }
  }
  return heap.sort((a, b) => (row[b] as number) - (row[a] as number) || a - b);
}

/** Runs the teacher over a window. */
export async function askTeacher(
  teacher: ForwardModel,
  window: WindowIds,
  candidates: number,
): Promise<TeacherWindow> {
  const all = await teacher.logProbabilities(window);
  const length = window.ids.length;
  const vocabulary = all.length / length;
  const tokens = new Int32Array(length * candidates);
  const probabilities = new Float32Array(tokens.length);
  for (let position = 0; position < length; position++) {
    const row = all.subarray(position * vocabulary, (position + 1) * vocabulary);
    for (const [k, id] of likeliest(row, candidates).entries()) {
      tokens[position * candidates + k] = id;
      probabilities[position * candidates + k] = Math.exp(row[id] as number);
    }
  }
  return { tokens, probabilities };
}

/**
 * The full model's likeliest tokens over training windows, kept in a file: every level learns from the same
 * windows, so the teacher runs once per window. A record that was cut off by a kill is made again.
 */
export class TeacherCache {
  readonly #teacher: ForwardModel;
  readonly #fd: number;
  readonly #tokens: number;
  readonly #candidates: number;

  /** @param path file of this model, stream, window length and K; made when absent. */
  constructor(teacher: ForwardModel, path: string, tokens: number, candidates: number) {
    this.#teacher = teacher;
    this.#tokens = tokens;
    this.#candidates = candidates;
    this.#fd = openSync(path, existsSync(path) ? 'r+' : 'w+');
  }

  get #recordBytes(): number {
    return this.#tokens * this.#candidates * 8 + 8;
  }

  /** @param index place of the window in its stream */
  async window(index: number, window: WindowIds): Promise<TeacherWindow> {
    const at = index * this.#recordBytes;
    const size = this.#tokens * this.#candidates;
    if (fstatSync(this.#fd).size >= at + this.#recordBytes) {
      const record = Buffer.alloc(this.#recordBytes);
      readSync(this.#fd, record, 0, record.length, at);
      // The last word says that the record is whole.
      if (record.readInt32LE(record.length - 8) === index + 1) {
        const copy = record.buffer.slice(record.byteOffset, record.byteOffset + size * 8);
        return {
          tokens: new Int32Array(copy, 0, size),
          probabilities: new Float32Array(copy, size * 4, size),
        };
      }
    }
    const made = await askTeacher(this.#teacher, window, this.#candidates);
    const record = Buffer.alloc(this.#recordBytes);
    record.set(new Uint8Array(made.tokens.buffer), 0);
    record.set(new Uint8Array(made.probabilities.buffer), size * 4);
    record.writeInt32LE(index + 1, record.length - 8);
    writeSync(this.#fd, record, 0, record.length, at);
    return made;
  }

  close(): void {
    closeSync(this.#fd);
  }
}
