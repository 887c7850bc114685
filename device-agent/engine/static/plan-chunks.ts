/** One run of a static graph. */
export interface PlannedChunk {
  /** Tokens of the prompt before it: the rows of its past. */
  readonly at: number;
  /** Tokens that count; the rest of the chunk is filled up. */
  readonly tokens: number;
  /** Rows of the past that its graph has; null = as many as there are. */
  readonly past: number | null;
}

export interface ChunkRules {
  readonly chunk: number;
  /** Rows of the past that graphs are opened for, ascending; empty = any number. */
  readonly pastBuckets: readonly number[];
  /** A last chunk with fewer tokens than this share is left to the engine. */
  readonly minimumFill: number;
}

/**
 * The chunks of a prompt that static graphs run, from its start on. The last token is never among them: the engine runs
 * it for its logits, with whatever else is left.
 */
export function planChunks(
  promptTokens: number,
  { chunk, pastBuckets, minimumFill }: ChunkRules,
): PlannedChunk[] {
  const chunks: PlannedChunk[] = [];
  for (let at = 0; ; at += chunk) {
    const tokens = Math.min(chunk, promptTokens - 1 - at);
    if (tokens < Math.max(1, minimumFill * chunk)) return chunks;
    const bucket = pastBuckets.find((rows) => rows >= at);
    if (bucket === undefined && pastBuckets.length > 0) return chunks;
    chunks.push({ at, tokens, past: bucket ?? null });
  }
}
