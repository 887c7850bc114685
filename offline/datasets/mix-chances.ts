import { seededRandom } from '../../core/random.ts';

/** A talk is cut only where at least this many of its tokens fit. */
const SMALLEST_CUT = 64;
/** Documents tried for the rest of a window before running text fills it. */
export const TRIES = 4;

/** Whether a document goes into the rest of a window; one that may be cut needs room for a part only. */
export function fitsRoom(tokens: number, mayBeCut: boolean, room: number): boolean {
  return tokens <= room || (mayBeCut && room >= SMALLEST_CUT);
}

/** Documents of one file, by a sample of their lengths. */
export interface LengthSample {
  readonly tokens: readonly number[];
  readonly mayBeCut: boolean;
  /** Tokens wanted from this file, relative to the others. */
  readonly share: number;
}

export interface MixChances {
  /** Chance of each file at one draw; they add up to 1. */
  readonly draw: readonly number[];
  /** Chance that a whole window is running text. */
  readonly proseWindow: number;
}

const ROUNDS = 5;
const WINDOWS = 200;

function normalized(values: readonly number[]): number[] {
  const sum = values.reduce((total, value) => total + value, 0);
  return values.map((value) => (sum === 0 ? 0 : value / sum));
}

/** Index of the file to draw from. */
export function pickByChance(chances: readonly number[], random: () => number): number {
  let at = random();
  for (const [index, chance] of chances.entries()) {
    if (at < chance) return index;
    at -= chance;
  }
  return chances.length - 1;
}

/**
 * Chances of drawing from each file so that their tokens come in the wanted shares. Short documents fit into the rest
 * of a window more often than long ones, which no formula of the mean length tells: windows are packed with sampled
 * lengths, and chances corrected by what came out, a few times. Running text that fills rests counts as prose.
 */
export function mixChances(
  samples: readonly LengthSample[],
  proseShare: number,
  windowTokens: number,
): MixChances {
  const wanted = normalized(samples.map(({ share }) => share));
  const mean = ({ tokens }: LengthSample): number =>
    tokens.reduce((sum, count) => sum + Math.min(count, windowTokens), 0) / tokens.length;
  let draw = normalized(samples.map((sample, at) => (wanted[at] ?? 0) / mean(sample)));
  let filler = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const random = seededRandom(round);
    const given = samples.map(() => 0);
    filler = 0;
    for (let window = 0; window < WINDOWS; window++) {
      let room = windowTokens;
      for (let misses = 0; room > 0 && misses < TRIES;) {
        const at = pickByChance(draw, random);
        const sample = samples[at];
        const tokens = sample?.tokens[Math.floor(random() * sample.tokens.length)] ?? 0;
        if (sample !== undefined && fitsRoom(tokens, sample.mayBeCut, room)) {
          const used = Math.min(tokens, room);
          room -= used;
          given[at] = (given[at] ?? 0) + used;
        } else misses += 1;
      }
      filler += room / (WINDOWS * windowTokens);
    }
    if (round === ROUNDS - 1) break;
    const came = normalized(given);
    // Nothing of a file may have come in so few windows; its chance is then doubled.
    draw = normalized(draw.map((chance, at) => chance * Math.min(2, (wanted[at] ?? 0) / (came[at] || 1e-9))));
  }
  const proseWindow =
    samples.length === 0 ? 1 : Math.max(0, (proseShare - filler) / Math.max(1e-9, 1 - filler));
  return { draw, proseWindow };
}
