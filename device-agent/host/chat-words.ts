import { wordsOf } from '../../core/compress-prompt.ts';
import { contentSpans, tokensWithin } from './content-spans.ts';

/** A chat prompt with all that is needed to find its contents again. */
export interface RenderedChat {
  /** By message. */
  readonly contents: readonly string[];
  /** Index of the last user message, which is the question; below 0: there is none. */
  readonly question: number;
  readonly rendered: string;
  /** Renders the same roles with other contents; may throw. */
  readonly render: (contents: readonly string[]) => string;
  /** Of `rendered`. */
  readonly tokens: readonly number[];
}

export interface TokenTexts {
  /** UTF-8; special tokens as they are written. */
  readonly bytesOf: (token: number) => Uint8Array;
  readonly textOf: (token: number) => string;
  readonly isSpecial: (token: number) => boolean;
}

/**
 * The words that compression may drop (paper §4.2: system prompt and examples; the question is kept whole): those of
 * every message before the last user message. Role headers and all else of the template, and special tokens that a
 * content spells out, are kept. Without a user message nothing may be dropped.
 *
 * @returns [tokens], -1 = kept always; null where contents cannot be told from the template
 */
export function chatWords(chat: RenderedChat, pieces: TokenTexts): Int32Array | null {
  const { contents, question, rendered, render, tokens } = chat;
  if (question <= 0) return new Int32Array(tokens.length).fill(-1);
  const spans = contentSpans(contents, rendered, render);
  if (spans === null) return null;
  const droppable = spans.slice(0, question).filter((span) => span !== null);
  const within = tokensWithin(rendered, droppable, tokens, pieces.bytesOf);
  if (within === null) return null;
  const compressible = within.map((inside, i) => inside && !pieces.isSpecial(tokens[i] ?? -1));
  return wordsOf(tokens.map(pieces.textOf), compressible);
}
