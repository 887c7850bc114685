import { Tensor } from 'onnxruntime-node';
import { INPUT } from './decoder-forward.ts';

/** Added to the attention score of positions that may not be looked at. */
const BLOCKED = -1e9;

/** A window of text as training sees it: attention stays inside of a document. */
export interface WindowIds {
  /** [T] */
  readonly ids: Int32Array;
  /** [T]: number of the document that a position belongs to. */
  readonly documents: Int32Array;
}

/** One document without breaks, cut to `tokens` (padded with its last id as a document of its own). */
export function plainWindow(ids: readonly number[], tokens: number): WindowIds {
  const window = new Int32Array(tokens).fill(ids.at(-1) ?? 0);
  window.set(ids.slice(0, tokens));
  const documents = new Int32Array(tokens).map((_, i) => (i < ids.length ? 0 : 1));
  return { ids: window, documents };
}

/** Feeds of the forward pass for a batch of windows of `tokens` each. */
export function batchFeeds(windows: readonly WindowIds[], tokens: number): Record<string, Tensor> {
  const batch = windows.length;
  const ids = new BigInt64Array(batch * tokens);
  const bias = new Float32Array(batch * tokens * tokens).fill(BLOCKED);
  for (const [row, window] of windows.entries()) {
    if (window.ids.length !== tokens)
      throw new RangeError(`a window of ${window.ids.length} tokens, not ${tokens}`);
    for (let i = 0; i < tokens; i++) {
      ids[row * tokens + i] = BigInt(window.ids[i] as number);
      const from = (row * tokens + i) * tokens;
      for (let j = i; j >= 0 && window.documents[j] === window.documents[i]; j--) bias[from + j] = 0;
    }
  }
  return {
    [INPUT.ids]: new Tensor('int64', ids, [batch, tokens]),
    [INPUT.attentionBias]: new Tensor('float32', bias, [batch, 1, 1, tokens, tokens]),
  };
}
