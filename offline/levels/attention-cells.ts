import type { Segment } from '../../core/bundle-manifest.ts';
import { paramsPerKvGroup, type ModelConfig } from '../../core/model-config.ts';
import type { UnitImportance } from '../importance/unit-importance.ts';
import { attentionWorth, layersByValue } from './layer-importance.ts';

/**
 * How attention is cut: whole layers, cells of whole KV groups, or cells where there are at least
 * {@link CUT_FROM_GROUPS} groups. Why: docs/decisions/0067-attention-in-cells-of-groups.md.
 */
export const ATTENTION_UNITS = ['auto', 'layer', 'group'] as const;
export type AttentionUnit = (typeof ATTENTION_UNITS)[number];

/** With fewer groups than this each is too much of a layer to go by itself. */
export const CUT_FROM_GROUPS = 8;
/** Cells of a layer's attention: each is an attention of its own in the graph, so few. */
export const CELLS_PER_ATTENTION = 4;

/** A layer's whole attention as one cell. */
export function attentionCell(config: ModelConfig, layer: number): Segment {
  const params = config.kvHeads * paramsPerKvGroup(config);
  return { layer, kind: 'attention', unitStart: 0, units: config.kvHeads, params };
}

/** A layer's attention in cells, most important groups first. */
export function attentionCells(config: ModelConfig, layer: number, unit: AttentionUnit): Segment[] {
  const { kvHeads } = config;
  if (unit === 'layer' || (unit === 'auto' && kvHeads < CUT_FROM_GROUPS))
    return [attentionCell(config, layer)];
  const cells = Math.min(CELLS_PER_ATTENTION, kvHeads);
  const cut = (i: number): number => Math.round((kvHeads * i) / cells);
  return Array.from({ length: cells }, (_, i) => {
    const units = cut(i + 1) - cut(i);
    const params = units * paramsPerKvGroup(config);
    return { layer, kind: 'attention', unitStart: cut(i), units, params };
  });
}

/**
 * Attention cells of the layers that `among` accepts, most important first. Every layer's first cell comes
 * before any layer's second, in the order of what the model loses without the layer's attention; later cells by
 * the mean score of their groups, or in the same order of layers where scores do not compare over layers.
 */
export function rankAttention(
  config: ModelConfig,
  importance: UnitImportance,
  unit: AttentionUnit,
  among?: (layer: number) => boolean,
): Segment[] {
  const layers = layersByValue(importance, attentionWorth, among);
  const byLayer = layers.map((layer) => attentionCells(config, layer, unit));
  const first = byLayer.flatMap((cells) => cells.slice(0, 1));
  if (importance.acrossLayers !== true) {
    const longest = Math.max(0, ...byLayer.map(({ length }) => length));
    const later = Array.from({ length: longest }, (_, i) => byLayer.flatMap((cells) => cells[i + 1] ?? []));
    return [...first, ...later.flat()];
  }
  const scores = importance.layers.map(({ kvGroups }) => [...kvGroups].sort((a, b) => b - a));
  const score = ({ layer, unitStart, units }: Segment): number => {
    const own = scores[layer]?.slice(unitStart, unitStart + units) ?? [];
    return own.reduce((sum, value) => sum + value, 0) / units;
  };
  const later = byLayer
    .flatMap((cells) => cells.slice(1).map((cell) => ({ cell, score: score(cell) })))
    .sort((a, b) => b.score - a.score);
  return [...first, ...later.map(({ cell }) => cell)];
}
