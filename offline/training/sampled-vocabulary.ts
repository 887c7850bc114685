/**
 * A part of the vocabulary that stands for all of it in a loss: the tokens that the targets name, and others drawn
 * evenly from the rest, each of which counts for as many as were not drawn. The softmax's denominator is then right in
 * expectation, at a fraction of the head's cost (sampled softmax, Jean et al. 2015).
 */
export interface SampledVocabulary {
  /** [S] token ids, each once */
  readonly tokens: BigInt64Array;
  /** [S]: log of how many tokens each stands for, added to its logit */
  readonly bias: Float32Array;
  /** Place of each named token in `tokens`. */
  readonly placeOf: ReadonlyMap<number, number>;
}

/**
 * @param named tokens of the targets; repeated ones count once
 * @param size S, more than there are named tokens and at most the vocabulary's size
 * @throws RangeError where there is no room for them and at least one drawn token
 */
export function sampleVocabulary(
  named: Iterable<number>,
  size: number,
  vocabSize: number,
  random: () => number,
): SampledVocabulary {
  const placeOf = new Map<number, number>();
  for (const token of named) if (!placeOf.has(token)) placeOf.set(token, placeOf.size);
  if (size > vocabSize || (placeOf.size >= size && size < vocabSize))
    throw new RangeError(
      `${placeOf.size} named tokens and ${vocabSize} in all do not make a sample of ${size}`,
    );
  const tokens = new BigInt64Array(size);
  for (const [token, place] of placeOf) tokens[place] = BigInt(token);
  const drawn = new Set<number>();
  while (placeOf.size + drawn.size < size) {
    const token = Math.floor(random() * vocabSize);
    if (placeOf.has(token) || drawn.has(token)) continue;
    tokens[placeOf.size + drawn.size] = BigInt(token);
    drawn.add(token);
  }
  const standsFor = drawn.size === 0 ? 1 : (vocabSize - placeOf.size) / drawn.size;
  const bias = new Float32Array(size).fill(Math.log(standsFor), placeOf.size);
  return { tokens, bias, placeOf };
}
