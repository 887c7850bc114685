import type { AgentEvent } from '../../core/agent-event.ts';
import { compressPrompt } from '../../core/compress-prompt.ts';
import type { TlmAdvice } from './tlm-adviser.ts';

export type ToldWord = Extract<AgentEvent, { type: 'prompt-compressed' }>['words'][number];

export interface CompressedPrompt {
  /** Tokens that are run, in order. */
  readonly tokens: readonly number[];
  /** The whole prompt in words, for the event. */
  readonly told: () => ToldWord[];
}

/** A prompt at a prompt level; null where nothing is dropped. */
export function compressedPrompt(
  tokens: readonly number[],
  { words, wordScores }: Pick<TlmAdvice, 'words' | 'wordScores'>,
  promptLevel: number,
  textOfAll: (tokens: readonly number[]) => string,
): CompressedPrompt | null {
  const kept = compressPrompt({ tokens, words }, wordScores, promptLevel);
  if (kept.length === tokens.length) return null;
  return {
    tokens: kept.map((i) => tokens[i] as number),
    told: () => toldWords(tokens, words, wordScores, new Set(kept), textOfAll),
  };
}

/** Tokens of a word, and of what is fixed between words, are told together. */
function toldWords(
  tokens: readonly number[],
  words: Int32Array,
  scores: Float32Array,
  kept: ReadonlySet<number>,
  textOfAll: (tokens: readonly number[]) => string,
): ToldWord[] {
  const told: ToldWord[] = [];
  for (let from = 0; from < tokens.length;) {
    const word = words[from] ?? -1;
    let to = from + 1;
    while (to < tokens.length && words[to] === word) to++;
    told.push({
      text: textOfAll(tokens.slice(from, to)),
      score: word < 0 ? null : (scores[word] ?? null),
      kept: kept.has(from),
    });
    from = to;
  }
  return told;
}
