import type { CompressiblePrompt } from '../../../core/compress-prompt.ts';

/**
 * Shares of a token's own saliency, of its line's mean and of its paragraph's. The paragraph decides: half of the
 * examples, each whole, lose the answer less than the best words of all of them (decision 0062); the others order
 * what is taken of the last one.
 */
const SHARES = { token: 0.05, line: 0.3, paragraph: 2 } as const;
/** How sharply targets go from drop to keep around the middle rank. */
const STEEPNESS = 6;

/** Groups of the compressible tokens, by token; -1 = not compressible. A group ends with the white space after it. */
function groupsOf(
  { words }: CompressiblePrompt,
  pieces: readonly string[],
  ends: (text: string) => boolean,
): Int32Array {
  const groups = new Int32Array(words.length).fill(-1);
  let group = 0;
  let text = '';
  for (const [i, piece] of pieces.entries()) {
    if ((words[i] ?? -1) < 0) continue;
    if (text !== '' && ends(text) && !/^\s*$/u.test(piece)) {
      group++;
      text = '';
    }
    groups[i] = group;
    text += piece;
  }
  return groups;
}

/** Mean of each token's group; 0 where a token is in none. */
function groupMeans(values: Float32Array, groups: Int32Array): Float32Array {
  const sums = new Map<number, { sum: number; count: number }>();
  for (const [i, group] of groups.entries()) {
    const entry = sums.get(group) ?? { sum: 0, count: 0 };
    sums.set(group, { sum: entry.sum + (values[i] ?? 0), count: entry.count + 1 });
  }
  return values.map((_, i) => {
    const group = groups[i] ?? -1;
    const { sum, count } = sums.get(group) ?? { sum: 0, count: 1 };
    return group < 0 ? 0 : sum / count;
  });
}

/**
 * What the score head learns to rank by: saliency, for the most part as the mean over lines and paragraphs.
 *
 * @param saliency per token
 * @returns per token, deviations of the prompt's own compressible tokens; 0 elsewhere
 */
export function smoothedSaliency(
  prompt: CompressiblePrompt,
  pieces: readonly string[],
  saliency: Float32Array,
): Float32Array {
  const inside = [...prompt.words.keys()].filter((i) => (prompt.words[i] ?? -1) >= 0);
  const mean = inside.reduce((sum, i) => sum + (saliency[i] ?? 0), 0) / Math.max(1, inside.length);
  const square = inside.reduce((sum, i) => sum + ((saliency[i] ?? 0) - mean) ** 2, 0);
  const deviation = Math.sqrt(square / Math.max(1, inside.length)) || 1;
  const own = saliency.map((value, i) => ((prompt.words[i] ?? -1) < 0 ? 0 : (value - mean) / deviation));
  const byLine = groupMeans(
    own,
    groupsOf(prompt, pieces, (text) => /\n\s*$/u.test(text)),
  );
  const byParagraph = groupMeans(
    own,
    groupsOf(prompt, pieces, (text) => /\n\s*\n\s*$/u.test(text)),
  );
  return own.map(
    (value, i) =>
      SHARES.token * value + SHARES.line * (byLine[i] ?? 0) + SHARES.paragraph * (byParagraph[i] ?? 0),
  );
}

/**
 * Soft targets of the score head: a token's rank among the prompt's compressible ones through a sigmoid, 0.5 at the
 * median; equal values have equal targets.
 *
 * @returns per token, 0..1; 0 where a token is not compressible
 */
export function keepTargets(prompt: CompressiblePrompt, values: Float32Array): Float32Array {
  const targets = new Float32Array(values.length);
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
