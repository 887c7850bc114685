/**
 * Any form of a model that can be scored: a level of a bundle, a training graph, a baseline. Token ids go in
 * without padding; forms of fixed width pad by themselves.
 */
export interface LogitsSource {
  readonly vocabSize: number;
  /**
   * Logits of positions `from`.. (default 0) of one sequence, row-major [ids.length - from, vocabSize]. The
   * caller may write into the array.
   */
  readonly logits: (ids: readonly number[], from?: number) => Promise<Float32Array>;
  /** Runs a prefix once, so that several continuations start from there; absent: whole sequences are run. */
  readonly openPrefix?: (ids: readonly number[], longestContinuation: number) => Promise<OpenPrefix>;
}

/** A sequence that has been run up to some token and can be continued again and again. */
export interface OpenPrefix {
  /** Logits after the last token of the prefix, [vocabSize]. */
  readonly last: Float32Array;
  /** Logits of every position of a continuation, [ids.length, vocabSize]; the prefix stays as it was. */
  readonly continueWith: (ids: readonly number[]) => Promise<Float32Array>;
}

/** The source's own prefix, or one that runs prefix and continuation as a whole each time. */
export async function openPrefix(
  source: LogitsSource,
  ids: readonly number[],
  longestContinuation: number,
): Promise<OpenPrefix> {
  if (source.openPrefix !== undefined) return source.openPrefix(ids, longestContinuation);
  return {
    last: await source.logits(ids, ids.length - 1),
    continueWith: (continuation) => source.logits([...ids, ...continuation], ids.length),
  };
}
