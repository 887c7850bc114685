import type { CompressiblePrompt } from '../../../core/compress-prompt.ts';

/** How sharply targets go from drop to keep around the middle rank. */
const STEEPNESS = 6;

/**
 * Soft targets of the score head: a token's rank among the prompt's compressible ones through a sigmoid, 0.5 at the
 * median; equal values have equal targets.
 *
 * @param values per token: the larger, the more worth keeping
 * @returns per token, 0..1; 0 where a token is not compressible
 */
export function keepTargets(prompt: CompressiblePrompt, values: ArrayLike<number>): Float32Array {
  const targets = new Float32Array(prompt.tokens.length);
  const order = [...prompt.words.keys()]
    .filter((i) => (prompt.words[i] ?? -1) >= 0)
    .sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  for (let from = 0; from < order.length;) {
    let to = from + 1;
    while (to < order.length && values[order[to] as number] === values[order[from] as number]) to++;
    const rank = (from + to) / 2 / order.length;
    for (const i of order.slice(from, to)) targets[i] = 1 / (1 + Math.exp(-STEEPNESS * (rank - 0.5)));
    from = to;
  }
  return targets;
}
