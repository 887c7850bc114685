import type { LayerImportance, UnitImportance } from '../importance/unit-importance.ts';

const sum = (scores: Float32Array): number => scores.reduce((total, score) => total + score, 0);

/** Below this share of the mean a layer's importance no longer counts: no layer is cut to nothing early. */
const LEAST_SHARE = 0.1;

/**
 * Losses by leaving blocks out spread over three orders of magnitude; their fourth root spreads as much as sums
 * of gradient scores do (docs/decisions/0044-which-segments-a-level-keeps.md).
 */
const LOSS_EXPONENT = 0.25;

/** What every layer's MLP counts when widths are handed out, relative to the mean of 1. */
export function mlpShares(importance: UnitImportance): number[] {
  const raw = importance.layers.map((layer) =>
    importance.acrossLayers === true ? sum(layer.neurons) : Math.max(0, layer.mlp) ** LOSS_EXPONENT,
  );
  const mean = raw.reduce((total, value) => total + value, 0) / raw.length;
  return raw.map((value) => (mean > 0 ? Math.max(LEAST_SHARE, value / mean) : 1));
}

/** What the model loses without a layer: measured, or else the sum of what it loses without either block. */
export function layerLoss(layer: LayerImportance): number {
  return layer.layer ?? layer.mlp + layer.attention;
}

/** What a model of few layers misses most: how far a layer turns the stream, or else what is lost without it. */
export function layerWorth(layer: LayerImportance): number {
  return layer.influence ?? layerLoss(layer);
}

/** What the model loses without a layer's attention: when its MLP makes up for it, where that was measured. */
export function attentionWorth({ attention, cuts }: LayerImportance): number {
  return cuts?.attention ?? attention;
}

/** Indices of the layers that `among` accepts, highest value first; ties keep the order of the model. */
export function layersByValue(
  importance: UnitImportance,
  value: (layer: LayerImportance) => number,
  among: (layer: number) => boolean = () => true,
): number[] {
  const values = importance.layers.map(value);
  return [...values.keys()]
    .filter(among)
    .sort((a, b) => (values[b] as number) - (values[a] as number) || a - b);
}
