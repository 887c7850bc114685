import { seededRandom, shuffled } from '../../core/random.ts';

/** Tokens to predict: `ids[i + 1]` from `ids[0..i]`, inside of a document. */
export interface TokenWindow {
  readonly ids: Int32Array;
  /** Weight of predicting ids[i + 1] from position i; 0 at the last and across documents. */
  readonly lossWeights: Float32Array;
  /** Number of the document at each position. */
  readonly documents: Int32Array;
}

/** Documents of tokens end to end, cut into windows of equal length. */
export class TokenWindows {
  readonly windowTokens: number;
  readonly #ids: Int32Array;
  readonly #documents: Int32Array;

  constructor(documents: readonly (readonly number[])[], windowTokens: number) {
    this.windowTokens = windowTokens;
    const total = documents.reduce((sum, { length }) => sum + length, 0);
    this.#ids = new Int32Array(total);
    this.#documents = new Int32Array(total);
    let at = 0;
    for (const [index, document] of documents.entries()) {
      this.#ids.set(document, at);
      this.#documents.fill(index, at, at + document.length);
      at += document.length;
    }
  }

  get tokens(): number {
    return this.#ids.length;
  }

  /** Whole windows; a rest at the end is left out. */
  get count(): number {
    return Math.floor(this.tokens / this.windowTokens);
  }

  window(index: number): TokenWindow {
    const from = index * this.windowTokens;
    const ids = this.#ids.slice(from, from + this.windowTokens);
    const documents = this.#documents.slice(from, from + this.windowTokens);
    const lossWeights = Float32Array.from(ids, (_, i) =>
      i + 1 < ids.length && documents[i] === documents[i + 1] ? 1 : 0,
    );
    return { ids, lossWeights, documents };
  }
}

/**
 * Order in which windows are trained on: every epoch has each window once, in an order of its own. A pure
 * function of seed and position, so a resumed run sees what an uninterrupted one does.
 */
export function trainingOrder(windows: number, seed: number): (position: number) => number {
  let epoch = -1;
  let order: readonly number[] = [];
  return (position) => {
    const wanted = Math.floor(position / windows);
    if (wanted !== epoch) {
      epoch = wanted;
      const all = Array.from({ length: windows }, (_, index) => index);
      order = shuffled(all, seededRandom(seed * 7919 + epoch));
    }
    return order[position % windows] ?? 0;
  };
}

/**
 * Shuffles documents and lays the first of them aside, enough for `heldOutTokens`; no document is in both parts.
 */
export function splitDocuments<T extends readonly unknown[]>(
  documents: readonly T[],
  heldOutTokens: number,
  seed: number,
): { heldOut: T[]; training: T[] } {
  const mixed = shuffled(documents, seededRandom(seed));
  let at = 0;
  for (let tokens = 0; at < mixed.length && tokens < heldOutTokens; at++) tokens += mixed[at]?.length ?? 0;
  return { heldOut: mixed.slice(0, at), training: mixed.slice(at) };
}
