import type { ModelConfig } from '../../core/model-config.ts';

/**
 * What the model loses when a layer alone is cut and the rest of its MLP makes up for it as well as it can: mean KL
 * divergence from the whole model, nats; comparable over layers and between attention and MLP.
 */
export interface CutLosses {
  /** Without the attention. */
  readonly attention: number;
  /** With the first so many neurons of the order, ascending. */
  readonly mlp: readonly { readonly neurons: number; readonly loss: number }[];
}

/** How much a layer's units matter; higher is more. */
export interface LayerImportance {
  /** [ffnSize], one score per neuron; comparable within the layer. */
  readonly neurons: Float32Array;
  /** [kvHeads], one score per KV group; comparable within the layer. */
  readonly kvGroups: Float32Array;
  /** What the model loses without the MLP; comparable over layers. */
  readonly mlp: number;
  /** What the model loses without the attention; comparable over layers. */
  readonly attention: number;
  /** What the model loses without both; absent where it was not measured. */
  readonly layer?: number;
  /** How far the layer turns the residual stream (`layerInfluence`), 0..2; absent where it was not measured. */
  readonly influence?: number;
  /** Absent where it was not measured. */
  readonly cuts?: CutLosses;
}

/** What the ranking of units is made from. */
export interface UnitImportance {
  /** For the manifest: how the scores were made. */
  readonly method: string;
  /** Whether the scores of units compare over layers, as those from gradients of one loss do. */
  readonly acrossLayers?: boolean;
  readonly layers: readonly LayerImportance[];
}

/** Order of a layer's units: position in the bundle -> index in the model. */
export interface UnitOrder {
  readonly neurons: readonly number[];
  readonly kvGroups: readonly number[];
}

/** Indices of scores, highest first; ties keep the order of the model. */
export function descending(scores: Float32Array): number[] {
  return [...scores.keys()].sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
}

/** The order of every layer's units by importance. */
export function orderUnits(importance: UnitImportance): UnitOrder[] {
  return importance.layers.map((layer) => ({
    neurons: descending(layer.neurons),
    kvGroups: descending(layer.kvGroups),
  }));
}

/** The same importance for everything: keeps the model's own order. For the uncut model and tests. */
export function evenImportance(config: ModelConfig): UnitImportance {
  const layer = (): LayerImportance => ({
    neurons: new Float32Array(config.ffnSize),
    kvGroups: new Float32Array(config.kvHeads),
    mlp: 1,
    attention: 1,
  });
  return { method: 'none', layers: Array.from({ length: config.layers }, layer) };
}
