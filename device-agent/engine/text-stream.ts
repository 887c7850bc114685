import { bytesOfToken, type TokenBytes } from './token-bytes.ts';

/** What became safe to show after a token. */
export interface StreamedText {
  readonly text: string;
  /** A stop string was completed; nothing more comes. */
  readonly stopped: boolean;
}

/**
 * Turns token ids into text as they come: half a UTF-8 character waits for its rest (it never shows as
 * U+FFFD), and what may become a stop string waits until that is decided. Stop strings are not shown.
 */
export class TextStream {
  readonly #table: TokenBytes;
  readonly #stops: readonly string[];
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #held = '';
  #stopped = false;

  constructor(table: TokenBytes, stops: readonly string[]) {
    this.#table = table;
    this.#stops = stops.filter((stop) => stop !== '');
  }

  push(token: number): StreamedText {
    if (this.#stopped) return { text: '', stopped: true };
    this.#held += this.#decoder.decode(bytesOfToken(this.#table, token), { stream: true });
    const cut = earliestStop(this.#held, this.#stops);
    if (cut !== null) {
      this.#stopped = true;
      return { text: this.#held.slice(0, cut), stopped: true };
    }
    const keep = heldLength(this.#held, this.#stops);
    const text = this.#held.slice(0, this.#held.length - keep);
    this.#held = this.#held.slice(this.#held.length - keep);
    return { text, stopped: false };
  }

  /** Text held back for a stop string that did not come; bytes of an unfinished character are dropped. */
  finish(): string {
    if (this.#stopped) return '';
    const text = this.#held;
    this.#held = '';
    return text;
  }
}

/** Where the earliest stop string begins in `text`; null when none is complete. */
export function earliestStop(text: string, stops: readonly string[]): number | null {
  const found = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  return found.length === 0 ? null : Math.min(...found);
}

/** Length of the longest suffix of `text` that begins a stop string without completing it. */
export function heldLength(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops)
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--)
      if (text.endsWith(stop.slice(0, length))) longest = length;
  return longest;
}
