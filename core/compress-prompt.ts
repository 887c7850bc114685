import { keptCompressibleTokens } from './prompt-level.ts';

/** A prompt as the score head sees it: what may be dropped, and which tokens go together. */
export interface CompressiblePrompt {
  readonly tokens: readonly number[];
  /** [tokens]: index of the word that a token belongs to, ascending; -1 = always kept (question, template). */
  readonly words: Int32Array;
}

/** What a decoder makes of bytes that are no whole character. */
const PART_OF_CHARACTER = '\uFFFD';

/** A word begins with white space, or where letters and digits meet other characters. */
function beginsWord(piece: string, before: string): boolean {
  if (/^\s/u.test(piece) || /\s$/u.test(before)) return true;
  if (piece.startsWith(PART_OF_CHARACTER) || before.endsWith(PART_OF_CHARACTER)) return false;
  return /^[\p{L}\p{N}]/u.test(piece) !== /[\p{L}\p{N}]$/u.test(before);
}

/**
 * Groups tokens to words, so that no word is ever cut in two.
 *
 * @param pieces text of each token; a token inside of a character, decoded as U+FFFD, joins its word
 * @param compressible whether each token may be dropped
 */
export function wordsOf(pieces: readonly string[], compressible: readonly boolean[]): Int32Array {
  const words = new Int32Array(pieces.length).fill(-1);
  let word = -1;
  for (const [i, piece] of pieces.entries()) {
    if (compressible[i] !== true) continue;
    const follows = i > 0 && compressible[i - 1] === true;
    if (!follows || beginsWord(piece, pieces[i - 1] ?? '')) word++;
    words[i] = word;
  }
  return words;
}

/** Tokens of a prompt that may be dropped. */
export function compressibleTokensOf(words: Int32Array): number {
  return words.reduce((count, word) => count + (word < 0 ? 0 : 1), 0);
}

/** Mean score of each word's tokens, by word index. */
export function wordScores({ words }: CompressiblePrompt, tokenScores: ArrayLike<number>): Float32Array {
  const count = words.reduce((most, word) => Math.max(most, word + 1), 0);
  const sums = new Float32Array(count);
  const tokens = new Float32Array(count);
  for (const [i, word] of words.entries()) {
    if (word < 0) continue;
    sums[word] = (sums[word] as number) + (tokenScores[i] ?? 0);
    tokens[word] = (tokens[word] as number) + 1;
  }
  return sums.map((sum, word) => sum / Math.max(1, tokens[word] as number));
}

/** Words on each side that a score is averaged over. */
const NEIGHBOURS = 4;
/** Share of a word's own score that orders words whose surroundings are alike. */
const OWN_SHARE = 0.01;

/**
 * Scores of stretches instead of single words: the mean over a word and its neighbours. Selected by single words a text
 * falls to pieces, which costs the model more than the words are worth (decision 0062).
 *
 * @param scores by word index
 */
export function stretchScores(scores: Float32Array): Float32Array {
  return scores.map((own, word) => {
    const around = scores.subarray(Math.max(0, word - NEIGHBOURS), word + NEIGHBOURS + 1);
    return around.reduce((sum, score) => sum + score, 0) / around.length + OWN_SHARE * own;
  });
}

/**
 * Which tokens a prompt level keeps: the fixed ones, and whole words by descending score while they fit into the
 * budget; order stays. A word too long for what is left is passed over.
 *
 * @param scores by word index
 * @returns indices into `tokens`, ascending
 */
export function compressPrompt(
  prompt: CompressiblePrompt,
  scores: ArrayLike<number>,
  promptLevel: number,
): number[] {
  const { tokens, words } = prompt;
  const lengths = new Map<number, number>();
  for (const word of words) if (word >= 0) lengths.set(word, (lengths.get(word) ?? 0) + 1);
  let left = keptCompressibleTokens(tokens.length, compressibleTokensOf(words), promptLevel);
  const kept = new Set<number>();
  const byScore = [...lengths.keys()].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b);
  for (const word of byScore) {
    const length = lengths.get(word) ?? 0;
    if (length > left) continue;
    kept.add(word);
    left -= length;
  }
  return [...words.keys()].filter((i) => {
    const word = words[i] ?? -1;
    return word < 0 || kept.has(word);
  });
}
