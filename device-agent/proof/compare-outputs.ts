import type { Numerics } from '../../core/provider-proof.ts';

/**
 * How far a provider may be from the CPU: room for half floats inside, none for wrong values (docs/decisions/0075).
 * The best token is told but not judged: among equally likely ones rounding chooses.
 */
export const NUMERICS_BOUND = { rmsRel: 0.02, klNats: 0.05 } as const;

/** Logits that follow from an output: rows of `width` values. */
export interface LogitRows {
  readonly values: Float32Array;
  readonly width: number;
}

/**
 * Compares two outputs of the same graph and input.
 *
 * @param logits what follows from each of the two, in this order; null = no logits follow.
 */
export function compareOutputs(
  reference: Float32Array,
  actual: Float32Array,
  logits: readonly [LogitRows, LogitRows] | null,
): Numerics {
  const bound = NUMERICS_BOUND;
  const none = { maxAbs: null, maxRel: null, rmsRel: null, top1Agreement: null, klNats: null };
  const finite = actual.length === reference.length && actual.every(Number.isFinite);
  if (!finite) return { values: reference.length, finite, ...none, bound, within: false };
  let maxAbs = 0;
  let largest = 0;
  let squares = 0;
  let referenceSquares = 0;
  for (const [i, value] of reference.entries()) {
    const difference = Math.abs(value - (actual[i] ?? Number.NaN));
    maxAbs = Math.max(maxAbs, difference);
    largest = Math.max(largest, Math.abs(value));
    squares += difference * difference;
    referenceSquares += value * value;
  }
  const rmsRel = ratio(Math.sqrt(squares), Math.sqrt(referenceSquares));
  const rows = logits === null ? null : compareRows(logits[0].values, logits[1].values, logits[0].width);
  return {
    values: reference.length,
    finite,
    maxAbs,
    maxRel: ratio(maxAbs, largest),
    rmsRel,
    top1Agreement: rows?.top1Agreement ?? null,
    klNats: rows?.klNats ?? null,
    bound,
    within: rmsRel <= bound.rmsRel && (rows === null || rows.klNats <= bound.klNats),
  };
}

function ratio(value: number, of: number): number {
  return value === 0 ? 0 : of === 0 ? Number.MAX_VALUE : value / of;
}

function compareRows(
  reference: Float32Array,
  actual: Float32Array,
  width: number,
): { readonly top1Agreement: number; readonly klNats: number } {
  const rows = Math.max(1, Math.floor(reference.length / width));
  let same = 0;
  let kl = 0;
  for (let row = 0; row < rows; row++) {
    const expected = reference.subarray(row * width, (row + 1) * width);
    const found = actual.subarray(row * width, (row + 1) * width);
    if (indexOfLargest(expected) === indexOfLargest(found)) same += 1;
    kl += divergence(expected, found);
  }
  return { top1Agreement: same / rows, klNats: kl / rows };
}

function indexOfLargest(row: Float32Array): number {
  let best = 0;
  for (const [i, value] of row.entries()) if (value > (row[best] ?? Number.NEGATIVE_INFINITY)) best = i;
  return best;
}

/** KL(expected || found) of the softmaxes of two rows of logits, nats; never below 0 by rounding. */
function divergence(expected: Float32Array, found: Float32Array): number {
  const logSum = (row: Float32Array): number => {
    const largest = row[indexOfLargest(row)] ?? 0;
    return largest + Math.log(row.reduce((sum, value) => sum + Math.exp(value - largest), 0));
  };
  const expectedSum = logSum(expected);
  const foundSum = logSum(found);
  let sum = 0;
  for (const [i, value] of expected.entries()) {
    const logProbability = value - expectedSum;
    sum += Math.exp(logProbability) * (logProbability - ((found[i] ?? 0) - foundSum));
  }
  return Math.max(0, sum);
}
