/**
 * The bytes of every token, flat and in shared memory, so that the worker turns ids into text without a
 * tokenizer of its own.
 */
export interface TokenBytes {
  readonly bytes: Uint8Array;
  /** Token t is `bytes[offsets[t] .. offsets[t + 1]]`; [vocabulary + 1]. */
  readonly offsets: Uint32Array;
}

export type TokenDecoding = 'byte-level' | 'metaspace';

/** GPT-2's table: byte-level vocabularies write each byte as one printable character. */
function byteOfCharacter(): Map<string, number> {
  const printable = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  const table = new Map<string, number>();
  let extra = 0;
  for (let byte = 0; byte < 256; byte++)
    table.set(String.fromCodePoint(printable(byte) ? byte : 256 + extra++), byte);
  return table;
}

/**
 * @param vocabulary token text by id, as written in `tokenizer.json`; holes are empty tokens.
 * @param hidden ids that produce no text (special tokens).
 */
export function buildTokenBytes(
  vocabulary: ReadonlyMap<number, string>,
  size: number,
  decoding: TokenDecoding,
  hidden: ReadonlySet<number>,
  literal: ReadonlySet<number>,
): TokenBytes {
  const encoder = new TextEncoder();
  const byByte = byteOfCharacter();
  const bytesOf = (id: number): Uint8Array => {
    const text = vocabulary.get(id);
    if (text === undefined || hidden.has(id)) return new Uint8Array();
    if (literal.has(id)) return encoder.encode(text);
    if (decoding === 'metaspace') {
      const hex = /^<0x([0-9A-Fa-f]{2})>$/.exec(text)?.[1];
      return hex === undefined
        ? encoder.encode(text.replaceAll('\u2581', ' '))
        : Uint8Array.of(Number.parseInt(hex, 16));
    }
    const bytes = [...text].map((character) => byByte.get(character));
    return bytes.every((byte) => byte !== undefined) ? Uint8Array.from(bytes) : encoder.encode(text);
  };
  const tokens = Array.from({ length: size }, (_, id) => bytesOf(id));
  const total = tokens.reduce((sum, token) => sum + token.length, 0);
  const bytes = new Uint8Array(new SharedArrayBuffer(total));
  const offsets = new Uint32Array(new SharedArrayBuffer(4 * (size + 1)));
  let at = 0;
  for (const [id, token] of tokens.entries()) {
    bytes.set(token, at);
    at += token.length;
    offsets[id + 1] = at;
  }
  return { bytes, offsets };
}

/** A copy: TextDecoder refuses views of shared memory. */
export function bytesOfToken(table: TokenBytes, token: number): Uint8Array {
  return table.bytes.slice(table.offsets[token], table.offsets[token + 1]);
}
