import type { ModelConfig } from '../../core/model-config.ts';

/** One number per unit of a layer. */
export interface UnitScores {
  /** [ffnSize] */
  readonly neurons: Float32Array;
  /** [kvHeads] */
  readonly kvGroups: Float32Array;
}

/** Zero for every unit of every layer. */
export function zeroScores(config: ModelConfig): UnitScores[] {
  return Array.from({ length: config.layers }, () => ({
    neurons: new Float32Array(config.ffnSize),
    kvGroups: new Float32Array(config.kvHeads),
  }));
}

/** Adds `weight` times what `of` makes of each score, in place. */
function addScores(
  sum: readonly UnitScores[],
  scores: readonly UnitScores[],
  of: (score: number) => number,
  weight: number,
): void {
  for (const [layer, target] of sum.entries())
    for (const kind of ['neurons', 'kvGroups'] as const) {
      const values = scores[layer]?.[kind] ?? [];
      const into = target[kind];
      for (let i = 0; i < into.length; i++) into[i] = (into[i] as number) + weight * of(values[i] as number);
    }
}

function meanNeuronScore(scores: readonly UnitScores[]): number {
  let sum = 0;
  let count = 0;
  for (const { neurons } of scores) {
    for (const score of neurons) sum += score;
    count += neurons.length;
  }
  return sum / count;
}

/** Scores of one layer, scaled to a sum. */
function scaledTo(total: number, scores: Float32Array): Float32Array {
  const sum = scores.reduce((all, score) => all + score, 0);
  return scores.map((score) => (sum > 0 ? (score * total) / sum : 0));
}

/**
 * Orders a layer's units by the geometric mean of two scores and leaves the layer the sum of the first, whose
 * scores compare over layers.
 */
export function mixScores(first: readonly UnitScores[], second: readonly UnitScores[]): UnitScores[] {
  const mix = (a: Float32Array, b: Float32Array): Float32Array =>
    scaledTo(
      a.reduce((sum, score) => sum + score, 0),
      a.map((score, i) => Math.sqrt(score * (b[i] as number))),
    );
  return first.map(({ neurons, kvGroups }, layer) => {
    const other = second[layer];
    if (other === undefined) throw new RangeError(`no second scores for layer ${layer}`);
    return { neurons: mix(neurons, other.neurons), kvGroups: mix(kvGroups, other.kvGroups) };
  });
}

/** The scores with neurons ordered by others, each layer keeping the sum that it had. */
export function withNeuronOrder(
  scores: readonly UnitScores[],
  neurons: readonly Float32Array[],
): UnitScores[] {
  return scores.map((own, layer) => {
    const other = neurons[layer];
    if (other === undefined) throw new RangeError(`no neuron scores for layer ${layer}`);
    const total = own.neurons.reduce((sum, score) => sum + score, 0);
    return { ...own, neurons: scaledTo(total, other) };
  });
}

/**
 * Scores over many windows. Each window counts by the size of its own gradient, or by its square: signs must
 * not cancel over windows. Every domain of text counts alike, however large its losses are.
 */
export class ScoreAccumulator {
  readonly #config: ModelConfig;
  readonly #moment: 'absolute' | 'square';
  readonly #domains = new Map<string, { windows: number; sum: UnitScores[] }>();

  constructor(config: ModelConfig, moment: 'absolute' | 'square') {
    this.#config = config;
    this.#moment = moment;
  }

  /** Adds the gradients of one window. */
  add(domain: string, gradients: readonly UnitScores[]): void {
    const entry = this.#domains.get(domain) ?? { windows: 0, sum: zeroScores(this.#config) };
    const size = this.#moment === 'absolute' ? Math.abs : (gradient: number) => gradient * gradient;
    addScores(entry.sum, gradients, size, 1);
    entry.windows++;
    this.#domains.set(domain, entry);
  }

  /** Mean (of squares: its root) per domain, scaled to a mean neuron score of 1, averaged over domains. */
  result(): UnitScores[] {
    const mixed = zeroScores(this.#config);
    for (const { windows, sum } of this.#domains.values()) {
      const mean = zeroScores(this.#config);
      const of = this.#moment === 'absolute' ? (total: number) => total : Math.sqrt;
      addScores(mean, sum, (total) => of(total / windows), 1);
      const scale = meanNeuronScore(mean);
      addScores(mixed, mean, (score) => score, scale > 0 ? 1 / scale / this.#domains.size : 0);
    }
    return mixed;
  }
}
