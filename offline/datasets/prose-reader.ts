import type { CorpusDocument } from './corpus.ts';
import type { DocumentEncoder, EncodedDocument } from './document-encoder.ts';

/** Characters encoded for each token that is wanted; English text has about four a token. */
const CHARACTERS_PER_TOKEN = 6;

/**
 * Up to `count` tokens of running text from `from` on, starting at a word. Only as much text is tokenized as is needed.
 */
export function proseAt(
  encoder: DocumentEncoder,
  text: string,
  from: number,
  count: number,
): EncodedDocument {
  let start = from;
  if (start > 0) while (start < text.length && !/\s/.test(text.charAt(start))) start += 1;
  let characters = count * CHARACTERS_PER_TOKEN;
  let ids: number[];
  for (;;) {
    ids = encoder.encodeText(text.slice(start, start + characters));
    // The last token may be half a word where the text was cut: it is taken only at the text's end.
    if (ids.length > count || start + characters >= text.length) break;
    characters *= 2;
  }
  const taken = Int32Array.from(ids.slice(0, count));
  return { ids: taken, weights: new Float32Array(taken.length).fill(1) };
}

/** Draws places in the texts, each character as likely as any other. */
export class ProseDrawer {
  readonly #texts: readonly string[];
  readonly #characters: number;

  constructor(documents: readonly CorpusDocument[]) {
    this.#texts = documents.flatMap((document) => (document.kind === 'prose' ? [document.text] : []));
    this.#characters = this.#texts.reduce((sum, { length }) => sum + length, 0);
  }

  /** Up to `count` tokens from one text. */
  draw(encoder: DocumentEncoder, random: () => number, count: number): EncodedDocument {
    let at = random() * this.#characters;
    for (const text of this.#texts) {
      if (at < text.length) {
        // Not so near the end that little is left.
        const latest = Math.max(0, text.length - count * CHARACTERS_PER_TOKEN);
        return proseAt(encoder, text, Math.floor((at / text.length) * latest), count);
      }
      at -= text.length;
    }
    return proseAt(encoder, this.#texts.at(-1) ?? '', 0, count);
  }
}
