/** Rows of logits -> rows of log-probabilities, in place. */
export function logSoftmaxRows(logits: Float32Array, width: number): Float32Array {
  for (let row = 0; row < logits.length; row += width) {
    let largest = -Infinity;
    for (let i = row; i < row + width; i++) largest = Math.max(largest, logits[i] as number);
    let mass = 0;
    for (let i = row; i < row + width; i++) mass += Math.exp((logits[i] as number) - largest);
    const shift = largest + Math.log(mass);
    for (let i = row; i < row + width; i++) logits[i] = (logits[i] as number) - shift;
  }
  return logits;
}

/** Below this a token's share of the divergence cannot show in the mean; skipping it saves most of the time. */
const NEGLIGIBLE_LOG_PROBABILITY = Math.log(1e-6);

/** Mean over rows of the Kullback-Leibler divergence of `other` from `reference`, nats; log-probabilities. */
export function meanDivergence(reference: Float32Array, other: Float32Array, width: number): number {
  let sum = 0;
  for (let i = 0; i < reference.length; i++) {
    const logProbability = reference[i] as number;
    if (logProbability > NEGLIGIBLE_LOG_PROBABILITY)
      sum += Math.exp(logProbability) * (logProbability - (other[i] as number));
  }
  return sum / (reference.length / width);
}
