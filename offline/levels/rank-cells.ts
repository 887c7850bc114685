import type { Segment } from '../../core/bundle-manifest.ts';
import type { ModelConfig } from '../../core/model-config.ts';
import type { UnitImportance } from '../importance/unit-importance.ts';
import { attentionCells, rankAttention, type AttentionUnit } from './attention-cells.ts';
import { NEURON_GRAIN } from './cut-to-size.ts';
import { layersByValue } from './layer-importance.ts';
import { mlpCells } from './level-plan.ts';
import { valueAt } from './straight-lines.ts';

export interface RankingOptions {
  /** MLP cells per layer. */
  readonly cellsPerMlp: number;
  /**
   * Points (share of the droppable layers' attention that is on, MLP width at which it is), ascending from
   * (0, 0); straight lines between them.
   */
  readonly attentionCurve: readonly (readonly [share: number, width: number])[];
  readonly attentionUnit: AttentionUnit;
}

/**
 * Chosen on text that is neither calibration nor held-out: docs/decisions/0044-which-segments-a-level-keeps.md.
 * Around a width of 0.6 many layers lose their attention at once: it costs no accuracy there, and attention
 * takes more time than its share of the parameters.
 */
export const DEFAULT_RANKING: RankingOptions = {
  cellsPerMlp: 3,
  attentionCurve: [
    [0, 0],
    [0.5, 0.31],
    [0.72, 0.56],
    [0.92, 0.62],
    [1, 0.8],
  ],
  attentionUnit: 'auto',
};

/** Equal cuts of the MLP, on the grain where the layer is wide enough. */
export function evenCuts(ffnSize: number, cells: number): number[] {
  const grain = ffnSize % NEURON_GRAIN === 0 && ffnSize >= cells * NEURON_GRAIN ? NEURON_GRAIN : 1;
  return Array.from({ length: cells + 1 }, (_, i) => grain * Math.round((ffnSize * i) / cells / grain));
}

interface Ranked {
  readonly cell: Segment;
  /** The MLP width at which this cell comes in: the lower, the earlier. */
  readonly width: number;
}

/**
 * Ranks the cells of all layers. MLPs keep about the same width everywhere: the k-th cells of all layers come in
 * one after the other while the width passes from k to k + 1 cells, the layer that the model misses most
 * first (staggering: as good as exact widths). The MLPs of the first and the last layer are anchors and always
 * whole; so is the attention of the first two layers. Other layers' attention comes in along
 * `attentionCurve`, most important first.
 */
export function rankCells(
  config: ModelConfig,
  importance: UnitImportance,
  options: RankingOptions = DEFAULT_RANKING,
): Segment[] {
  const { layers, ffnSize } = config;
  const cuts = evenCuts(ffnSize, options.cellsPerMlp);
  const mlpOrder = layersByValue(
    importance,
    ({ mlp }) => mlp,
    (layer) => layer !== 0 && layer !== layers - 1,
  );
  const isAnchored = (layer: number): boolean => layer <= 1;
  const attention = rankAttention(config, importance, options.attentionUnit, (layer) => !isAnchored(layer));
  const ranked: Ranked[] = attention.map((cell, i) => ({
    cell,
    width: valueAt(options.attentionCurve, (i + 1) / attention.length),
  }));
  for (let layer = 0; layer < layers; layer++) {
    if (isAnchored(layer))
      for (const cell of attentionCells(config, layer, options.attentionUnit))
        ranked.push({ cell, width: 0 });
    const mlpPlace = mlpOrder.indexOf(layer);
    for (const cell of mlpCells(config, layer, cuts)) {
      const width = (cell.unitStart + (cell.units * (mlpPlace + 0.5)) / mlpOrder.length) / ffnSize;
      ranked.push({ cell, width: mlpPlace < 0 ? 0 : width });
    }
  }
  return ranked
    .sort((a, b) => a.width - b.width || a.cell.layer - b.cell.layer || a.cell.unitStart - b.cell.unitStart)
    .map(({ cell }) => cell);
}
