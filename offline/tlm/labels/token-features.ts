import type { AnsweredPrompt } from '../requests/answered-prompt.ts';
import { promptParts } from './prompt-parts.ts';

/** What a token's worth is told from, in the order of {@link tokenFeatures}. */
export const FEATURES = [
  'nearness to the question',
  'nearness, squared',
  'in the first paragraph',
  'in the last paragraph',
  'length of its paragraph',
  'length of its line',
  'in the last line of a paragraph of several',
  'share of its paragraph that the question has too',
  'the question has it too',
  'place inside of its paragraph',
] as const;

export interface TokenFeatures {
  /** Places of the compressible tokens in the prompt. */
  readonly indices: readonly number[];
  /** [compressible][FEATURES] */
  readonly values: readonly (readonly number[])[];
}

/** Tokens that say something: letters, four or more bytes of text. */
function isContent(piece: string): boolean {
  return /\p{L}{4}/u.test(piece);
}

interface Part {
  readonly first: number;
  readonly last: number;
  readonly tokens: number;
  readonly shared: number;
}

function partTable(parts: Int32Array, shared: readonly boolean[]): Map<number, Part> {
  const table = new Map<number, Part>();
  for (const [i, part] of parts.entries()) {
    if (part < 0) continue;
    const { first = i, tokens = 0, shared: count = 0 } = table.get(part) ?? {};
    table.set(part, { first, last: i, tokens: tokens + 1, shared: count + (shared[i] === true ? 1 : 0) });
  }
  return table;
}

/**
 * Features of each compressible token. All lie about in 0..1, and all can be read from the prompt alone.
 */
export function tokenFeatures({ prompt, pieces }: Pick<AnsweredPrompt, 'prompt' | 'pieces'>): TokenFeatures {
  const { lines, paragraphs } = promptParts(prompt, pieces);
  const inQuestion = new Set(
    prompt.tokens.filter((_, i) => (prompt.words[i] ?? -1) < 0 && isContent(pieces[i] ?? '')),
  );
  const shared = prompt.tokens.map((token) => inQuestion.has(token));
  const indices = [...prompt.words.keys()].filter((i) => (prompt.words[i] ?? -1) >= 0);
  const lineTable = partTable(lines, shared);
  const paragraphTable = partTable(paragraphs, shared);
  const lastParagraph = Math.max(...paragraphTable.keys());
  const none: Part = { first: 0, last: 0, tokens: 1, shared: 0 };
  const values = indices.map((i, at) => {
    const line = lineTable.get(lines[i] ?? -1) ?? none;
    const paragraph = paragraphTable.get(paragraphs[i] ?? -1) ?? none;
    const nearness = (at + 1) / indices.length;
    const endsParagraph = lines[paragraph.last] === lines[i] && lines[paragraph.first] !== lines[i];
    return [
      nearness,
      nearness * nearness,
      paragraphs[i] === 0 ? 1 : 0,
      paragraphs[i] === lastParagraph ? 1 : 0,
      Math.log2(paragraph.tokens) / 8,
      Math.log2(line.tokens) / 8,
      endsParagraph ? 1 : 0,
      paragraph.shared / paragraph.tokens,
      shared[i] === true ? 1 : 0,
      (i - paragraph.first) / paragraph.tokens,
    ];
  });
  return { indices, values };
}

/**
 * Weighted sum of each token's features, [tokens]; 0 where a token is not compressible.
 *
 * @param weights by feature
 */
export function tokenWorth(
  tokens: number,
  { indices, values }: TokenFeatures,
  weights: readonly number[],
): Float32Array {
  const worth = new Float32Array(tokens);
  for (const [row, index] of indices.entries())
    worth[index] = (values[row] ?? []).reduce((sum, value, f) => sum + value * (weights[f] ?? 0), 0);
  return worth;
}
