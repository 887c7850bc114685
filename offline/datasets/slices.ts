import { createHash } from 'node:crypto';

/**
 * Parts of the data that never share a document: `training` (recovery and calibration), `selection` (choices between
 * variants), `heldOut` (the figures that are published). Measuring on what was trained or chosen on flatters.
 */
export type Slice = 'training' | 'selection' | 'heldOut';
export const SLICES: readonly Slice[] = ['training', 'selection', 'heldOut'];

/**
 * Slice of a document by the hash of what it asks: 85 % training, 5 % selection, 10 % held out. Case, white space and
 * punctuation do not count, so that one question in two files lies in one slice.
 */
export function sliceByHash(question: string): Slice {
  const key = question.toLowerCase().replace(/[\W_]+/g, ' ');
  const bucket = createHash('sha256').update(key).digest().readUInt32BE(0) % 20;
  if (bucket === 0) return 'selection';
  return bucket <= 2 ? 'heldOut' : 'training';
}

/** Where held-out prose begins, as a share of the text's characters. */
const HELD_OUT_FROM = 0.75;
/** Of the articles before it, one in ten is for selection: several subjects instead of one long article. */
const SELECTION_EVERY = 10;
/** Pieces below this are joined with the next one of their slice, so that windows find enough text. */
const SHORT_CHARACTERS = 4000;

/** Articles of WikiText (` = Title = ` lines), or paragraphs where a text has no such titles. */
function pieces(text: string): string[] {
  const starts = [...text.matchAll(/^ = [^=\n][^\n]*[^=\n] = $/gm)].map(({ index }) => index);
  if (starts.length >= 2)
    return [0, ...starts.slice(1)].map((start, at) => text.slice(start, starts[at + 1] ?? text.length));
  return text.split(/(?<=\n\s*\n)(?=\S)/);
}

/** Cuts a long text into its slices; within each, the pieces that windows may be drawn from. */
export function sliceProse(text: string): Record<Slice, string[]> {
  const slices: Record<Slice, string[]> = { training: [], selection: [], heldOut: [] };
  let start = 0;
  for (const [index, piece] of pieces(text).entries()) {
    const early = index % SELECTION_EVERY === SELECTION_EVERY / 2 ? 'selection' : 'training';
    const target = slices[start >= text.length * HELD_OUT_FROM ? 'heldOut' : early];
    const last = target.at(-1);
    if (last !== undefined && last.length < SHORT_CHARACTERS) target[target.length - 1] = last + piece;
    else target.push(piece);
    start += piece.length;
  }
  return slices;
}
