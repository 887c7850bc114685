import type { ModelConfig } from '../../core/model-config.ts';

/** How much a layer's units matter; higher is more. Comparable over the layers of a model. */
export interface LayerImportance {
  /** [ffnSize], one score per neuron. */
  readonly neurons: Float32Array;
  /** [kvHeads], one score per KV group. */
  readonly kvGroups: Float32Array;
}

/**
 * What the ranking of units is made from. Made forward-only by {@link file://./activation-importance.ts}; a
 * gradient-based one has the same shape.
 */
export interface UnitImportance {
  /** For the manifest: how the scores were made. */
  readonly method: string;
  readonly layers: readonly LayerImportance[];
}

/** Scales scores so that the mean layer has importance 1 for its MLP and 1 for its attention. */
export function normalizeImportance(importance: UnitImportance): UnitImportance {
  const meanOf = (pick: (layer: LayerImportance) => Float32Array): number =>
    importance.layers.reduce((sum, layer) => sum + total(pick(layer)), 0) / importance.layers.length || 1;
  const mlp = meanOf((layer) => layer.neurons);
  const attention = meanOf((layer) => layer.kvGroups);
  return {
    ...importance,
    layers: importance.layers.map((layer) => ({
      neurons: layer.neurons.map((score) => score / mlp),
      kvGroups: layer.kvGroups.map((score) => score / attention),
    })),
  };
}

export function total(scores: Float32Array): number {
  return scores.reduce((sum, score) => sum + score, 0);
}

/** Indices of scores, highest first; ties keep the order of the model. */
export function descending(scores: Float32Array): number[] {
  return [...scores.keys()].sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
}

/** Order of a layer's units: position in the bundle -> index in the model. */
export interface UnitOrder {
  readonly neurons: readonly number[];
  readonly kvGroups: readonly number[];
}

/** The order of every layer's units by importance. */
export function orderUnits(importance: UnitImportance): UnitOrder[] {
  return importance.layers.map((layer) => ({
    neurons: descending(layer.neurons),
    kvGroups: descending(layer.kvGroups),
  }));
}

/** The model's own order. */
export function identityOrder(config: ModelConfig): UnitOrder[] {
  const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
  return Array.from({ length: config.layers }, () => ({
    neurons: range(config.ffnSize),
    kvGroups: range(config.kvHeads),
  }));
}
