/** A stretch of a text, in UTF-16 units; `end` is the first position after it. */
export interface TextSpan {
  readonly start: number;
  readonly end: number;
}

/** Private-use characters: in no template, and they survive trimming. */
const MARK = /\uE000(\d+)\uE001/gu;

/**
 * Where each message's content lies in the rendered prompt. The template is rendered a second time with a mark in
 * place of each content; what is around the marks must be found around the contents in the prompt itself, whole or
 * trimmed, so that a template that changes contents, or does something else depending on them, is noticed.
 *
 * @param rendered the prompt, rendered from `contents`
 * @param render renders the same messages with other contents; may throw
 * @returns by message, null for one that is blank or not in the prompt; null altogether where it cannot be told
 */
export function contentSpans(
  contents: readonly string[],
  rendered: string,
  render: (contents: readonly string[]) => string,
): (TextSpan | null)[] | null {
  let marked: string;
  try {
    marked = render(contents.map((text, i) => (text.trim() === '' ? text : `\uE000${i}\uE001`)));
  } catch {
    return null;
  }
  const spans = contents.map((): TextSpan | null => null);
  const marks = [...marked.matchAll(MARK)];
  let at = marks[0]?.index ?? marked.length;
  if (!rendered.startsWith(marked.slice(0, at))) return null;
  for (const [n, mark] of marks.entries()) {
    const message = Number(mark[1]);
    const content = contents[message];
    if (content === undefined || spans[message] !== null) return null;
    const after = marked.slice(mark.index + mark[0].length, marks[n + 1]?.index ?? marked.length);
    const found = [content, content.trim(), content.trimStart(), content.trimEnd()].find((text) =>
      rendered.startsWith(text + after, at),
    );
    if (found === undefined) return null;
    spans[message] = { start: at, end: at + found.length };
    at += found.length + after.length;
  }
  return at === rendered.length ? spans : null;
}

/**
 * Which tokens lie wholly inside of the spans. Tokens are laid along the text byte by byte (a space that the
 * tokenizer puts before a word of its own accord is passed over).
 *
 * @param spans ascending
 * @param bytesOf UTF-8 bytes of a token; special tokens as they are written
 * @returns by token; null where the tokens are not the text (a tokenizer that normalizes)
 */
export function tokensWithin(
  text: string,
  spans: readonly TextSpan[],
  tokens: readonly number[],
  bytesOf: (token: number) => ArrayLike<number>,
): boolean[] | null {
  const encoder = new TextEncoder();
  const bytes = encoder.encode(text);
  const spanBytes = spans.map(({ start, end }) => {
    const from = encoder.encode(text.slice(0, start)).length;
    return { start: from, end: from + encoder.encode(text.slice(start, end)).length };
  });
  const within: boolean[] = [];
  let at = 0;
  for (const token of tokens) {
    const own = Array.from(bytesOf(token));
    const addedSpace = !liesAt(bytes, at, own) && own[0] === 0x20;
    if (addedSpace) own.shift();
    if (!liesAt(bytes, at, own)) return null;
    const end = at + own.length;
    within.push(own.length > 0 && spanBytes.some((span) => span.start <= at && end <= span.end));
    at = end;
  }
  return at === bytes.length ? within : null;
}

function liesAt(bytes: Uint8Array, at: number, part: readonly number[]): boolean {
  return part.every((byte, i) => bytes[at + i] === byte);
}
