import { seededRandom } from '../../core/random.ts';

export interface SamplingOptions {
  /** 0 = greedy. */
  readonly temperature: number;
  /** Nucleus: smallest set of most probable tokens with at least this probability; 1 = all. */
  readonly topP: number;
  readonly seed: number;
}

/** The nucleus is looked for among this many most probable tokens. */
const NUCLEUS_CANDIDATES = 1024;
/** Tokens whose probability is below e^-20 of the most probable one's are never drawn. */
const CUTOFF = 20;

export interface TokenLogprob {
  readonly token: number;
  /** Natural logarithm of the probability at temperature 1. */
  readonly logprob: number;
}

/** Index of the largest value; the lowest index wins ties, so greedy text does not depend on the runtime. */
export function argmax(values: Float32Array): number {
  let best = 0;
  let bestValue = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (value > bestValue) {
      bestValue = value;
      best = i;
    }
  }
  return best;
}

/** Indices of the `count` largest values, largest first; ties by index. O(n) plus the few that qualify. */
export function topIndices(values: Float32Array, count: number): number[] {
  const wanted = Math.min(count, values.length);
  // Buffer of candidates above the current threshold, cut back to `wanted` whenever it doubles.
  let kept: number[] = [];
  let threshold = Number.NEGATIVE_INFINITY;
  const order = (a: number, b: number): number => (values[b] as number) - (values[a] as number) || a - b;
  for (let i = 0; i < values.length; i++) {
    if (kept.length >= wanted && !((values[i] as number) > threshold)) continue;
    kept.push(i);
    if (kept.length >= 2 * wanted + 16) {
      kept = kept.sort(order).slice(0, wanted);
      threshold = values[kept.at(-1) as number] as number;
    }
  }
  return kept.sort(order).slice(0, wanted);
}

/** Draws tokens from logits; one per request, so that a seed repeats a request exactly. */
export function createSampler(options: SamplingOptions): (logits: Float32Array) => number {
  if (options.temperature === 0) return argmax;
  const random = seededRandom(options.seed);
  return (logits) => drawToken(logits, options.temperature, options.topP, random());
}

/**
 * The token at quantile `u` (0 <= u < 1) of softmax(logits / temperature), restricted to the nucleus.
 */
export function drawToken(logits: Float32Array, temperature: number, topP: number, u: number): number {
  const max = logits[argmax(logits)] as number;
  const weight = (token: number): number => Math.exp(((logits[token] as number) - max) / temperature);
  const floor = max - CUTOFF * temperature;
  let candidates: number[];
  let mass = 0;
  if (topP < 1) {
    for (const value of logits) if (value >= floor) mass += Math.exp((value - max) / temperature);
    candidates = [];
    let inside = 0;
    for (const token of topIndices(logits, NUCLEUS_CANDIDATES)) {
      candidates.push(token);
      inside += weight(token);
      if (inside >= topP * mass) break;
    }
    mass = inside;
  } else {
    candidates = [];
    for (let token = 0; token < logits.length; token++)
      if ((logits[token] as number) >= floor) {
        candidates.push(token);
        mass += weight(token);
      }
  }
  let rest = u * mass;
  for (const token of candidates) {
    rest -= weight(token);
    if (rest < 0) return token;
  }
  return candidates.at(-1) ?? 0;
}

/** Log-probability of `token` and of the `top` most probable ones, by log-softmax in float64. */
export function logprobsOf(
  logits: Float32Array,
  token: number,
  top: number,
): { readonly logprob: number; readonly top: TokenLogprob[] } {
  const max = logits[argmax(logits)] as number;
  let sum = 0;
  for (const value of logits) sum += Math.exp(value - max);
  const normalizer = max + Math.log(sum);
  const at = (index: number): number => (logits[index] as number) - normalizer;
  return {
    logprob: at(token),
    top: topIndices(logits, top).map((index) => ({ token: index, logprob: at(index) })),
  };
}
