import type { EncodedDocument } from './document-encoder.ts';

/** A fixed number of tokens for training or measuring; several documents may share it. */
export interface TrainingWindow {
  readonly ids: Int32Array;
  /** Weight of predicting `ids[i + 1]` from position i; 0 at the last token of a document. */
  readonly lossWeights: Float32Array;
  /** Number of the document each token belongs to, from 0; attention stays inside a document. */
  readonly documents: Int32Array;
}

/** Fills a window with documents, one after another. */
export class WindowPacker {
  readonly #window: TrainingWindow;
  #used = 0;
  #documents = 0;

  constructor(windowTokens: number) {
    this.#window = {
      ids: new Int32Array(windowTokens),
      lossWeights: new Float32Array(windowTokens),
      documents: new Int32Array(windowTokens),
    };
  }

  /** Tokens that are still free. */
  get room(): number {
    return this.#window.ids.length - this.#used;
  }

  /** Adds a document, or as much of its front as there is room for. */
  add(document: EncodedDocument): void {
    const count = Math.min(this.room, document.ids.length);
    if (count === 0) return;
    const { ids, lossWeights, documents } = this.#window;
    ids.set(document.ids.subarray(0, count), this.#used);
    lossWeights.set(document.weights.subarray(1, count), this.#used);
    documents.fill(this.#documents, this.#used, this.#used + count);
    this.#used += count;
    this.#documents += 1;
  }

  /** The window; it must be full. */
  finish(): TrainingWindow {
    if (this.room > 0) throw new RangeError(`window has ${this.room} free tokens`);
    return this.#window;
  }
}
