import { compressPrompt, wordScores, type CompressiblePrompt } from '../../core/compress-prompt.ts';
import { tokenLogProbability } from '../evaluation/logit-rows.ts';
import type { LogitsSource } from '../evaluation/logits-source.ts';

/** What a prompt's words are ranked by, by word index; the larger, the longer a word is kept. */
export type WordScores = Float32Array;

/** Words of a prompt that may be dropped. */
export function wordCount({ words }: CompressiblePrompt): number {
  return words.reduce((most, word) => Math.max(most, word + 1), 0);
}

/** The beginning of the prompt stays. */
export function firstWords(prompt: CompressiblePrompt): WordScores {
  return Float32Array.from({ length: wordCount(prompt) }, (_, word) => -word);
}

/** Any words stay. @param random seeded */
export function randomWords(prompt: CompressiblePrompt, random: () => number): WordScores {
  return Float32Array.from({ length: wordCount(prompt) }, random);
}

/** Words of the highest mean score stay: the score head, or self-information (Selective Context, arXiv 2310.06201). */
export function wordsByScore(prompt: CompressiblePrompt, tokenScores: ArrayLike<number>): WordScores {
  return wordScores(prompt, tokenScores);
}

/** -log p of each token after those before it, nats; 0 for the first, which nothing predicts. */
export async function selfInformation(
  source: LogitsSource,
  tokens: readonly number[],
): Promise<Float32Array> {
  const information = new Float32Array(tokens.length);
  if (tokens.length < 2) return information;
  const logits = await source.logits(tokens.slice(0, -1));
  for (let i = 1; i < tokens.length; i++)
    information[i] = -tokenLogProbability(logits, source.vocabSize, i - 1, tokens[i] as number);
  return information;
}

/** Tokens of a prompt that a prompt level keeps. */
export function compressedTokens(
  prompt: CompressiblePrompt,
  scores: WordScores,
  promptLevel: number,
): number[] {
  return compressPrompt(prompt, scores, promptLevel).map((i) => prompt.tokens[i] as number);
}
