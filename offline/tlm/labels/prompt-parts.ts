import type { CompressiblePrompt } from '../../../core/compress-prompt.ts';

/** Which part of the compressible text each token lies in; -1 = not compressible. */
export interface PromptParts {
  /** Ends with a line feed. */
  readonly lines: Int32Array;
  /** Ends with an empty line: the instruction, an example. */
  readonly paragraphs: Int32Array;
}

function partsBy({ words }: CompressiblePrompt, pieces: readonly string[], end: RegExp): Int32Array {
  const parts = new Int32Array(words.length).fill(-1);
  let part = 0;
  let text = '';
  for (const [i, piece] of pieces.entries()) {
    if ((words[i] ?? -1) < 0) continue;
    // White space after the end still belongs to what it ends.
    if (end.test(text) && piece.trim() !== '') {
      part++;
      text = '';
    }
    parts[i] = part;
    text += piece;
  }
  return parts;
}

/** Lines and paragraphs of a prompt's compressible text. */
export function promptParts(prompt: CompressiblePrompt, pieces: readonly string[]): PromptParts {
  return {
    lines: partsBy(prompt, pieces, /\n\s*$/u),
    paragraphs: partsBy(prompt, pieces, /\n\s*\n\s*$/u),
  };
}
