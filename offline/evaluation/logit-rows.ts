/** log of the sum of exponentials of one row. */
function logMass(logits: Float32Array, from: number, width: number): number {
  let largest = -Infinity;
  for (let i = from; i < from + width; i++)
    if ((logits[i] as number) > largest) largest = logits[i] as number;
  let mass = 0;
  for (let i = from; i < from + width; i++) mass += Math.exp((logits[i] as number) - largest);
  return largest + Math.log(mass);
}

/** Log-probability of `token` under row `row` of logits, nats. */
export function tokenLogProbability(logits: Float32Array, width: number, row: number, token: number): number {
  return (logits[row * width + token] as number) - logMass(logits, row * width, width);
}

/** A model's predictions on one window, kept for divergences from it: 4 bytes per position and token id. */
export interface ReferenceRows {
  /** Row-major [rows, width]. */
  readonly probabilities: Float32Array;
  /** Sum of p log p of each row. */
  readonly negativeEntropies: Float64Array;
}

/** Turns logits into a reference, in place: the array given becomes its probabilities. */
export function referenceRows(logits: Float32Array, width: number): ReferenceRows {
  const rows = logits.length / width;
  const negativeEntropies = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const from = row * width;
    const shift = logMass(logits, from, width);
    let sum = 0;
    for (let i = from; i < from + width; i++) {
      const logProbability = (logits[i] as number) - shift;
      const probability = Math.exp(logProbability);
      if (probability > 0) sum += probability * logProbability;
      logits[i] = probability;
    }
    negativeEntropies[row] = sum;
  }
  return { probabilities: logits, negativeEntropies };
}

/** Sums over the rows of a window, nats. */
export interface RowSums {
  /** Of the negative log-likelihood of each row's target. */
  readonly loss: number;
  /** Of KL(reference || these rows); 0 without a reference. */
  readonly divergence: number;
}

/**
 * Scores rows of logits against the tokens that came next and, where given, against a reference's predictions:
 * KL = sum p log p - sum p z + log sum exp z, one pass over the vocabulary each.
 */
export function scoreRows(
  logits: Float32Array,
  width: number,
  targets: readonly number[],
  reference: ReferenceRows | null,
): RowSums {
  let loss = 0;
  let divergence = 0;
  for (const [row, target] of targets.entries()) {
    const from = row * width;
    const shift = logMass(logits, from, width);
    loss += shift - (logits[from + target] as number);
    if (reference === null) continue;
    const { probabilities, negativeEntropies } = reference;
    // Logits are taken relative to the row's mass, so that large offsets do not cost precision.
    let expected = 0;
    for (let i = from; i < from + width; i++)
      expected += (probabilities[i] as number) * ((logits[i] as number) - shift);
    divergence += (negativeEntropies[row] as number) - expected;
  }
  return { loss, divergence };
}
