import type { Segment } from '../../core/bundle-manifest.ts';
import type { ModelConfig } from '../../core/model-config.ts';
import { total, type UnitImportance } from '../importance/unit-importance.ts';
import { attentionCell, mlpCells } from './level-plan.ts';

/** Neurons of a cut are a multiple of this, so that block-quantized `down` columns start on whole blocks. */
const NEURON_GRAIN = 32;

export interface RankingOptions {
  /** MLP cells per layer. */
  readonly cellsPerMlp: number;
  /** Share of the decoder at which attention starts to be dropped; above it only MLP cells are. */
  readonly attentionFrom: number;
}

export const DEFAULT_RANKING: RankingOptions = { cellsPerMlp: 4, attentionFrom: 0.6 };

/** Equal cuts of the MLP, on the grain where the layer is wide enough. */
export function evenCuts(ffnSize: number, cells: number): number[] {
  const grain = ffnSize % NEURON_GRAIN === 0 && ffnSize >= cells * NEURON_GRAIN ? NEURON_GRAIN : 1;
  return Array.from({ length: cells + 1 }, (_, i) => grain * Math.round((ffnSize * i) / cells / grain));
}

interface Ranked {
  readonly cell: Segment;
  /** The ratio of the decoder at which this cell comes in: the lower, the earlier. */
  readonly at: number;
}

/**
 * Ranks cells of all layers. An MLP cell comes in where the width of its layer, proportional to the layer's
 * importance, passes the cell's middle (models.md §4.7: as good as exact widths). First and last layers keep
 * their attention; the others' comes in below `attentionFrom`, least important last.
 */
export function rankCells(
  config: ModelConfig,
  importance: UnitImportance,
  options: RankingOptions = DEFAULT_RANKING,
): Segment[] {
  const { layers } = config;
  const cuts = evenCuts(config.ffnSize, options.cellsPerMlp);
  const mlpImportance = relative(importance.layers.map((layer) => total(layer.neurons)));
  const attention = importance.layers.map((layer) => total(layer.kvGroups));
  const ranked: Ranked[] = [];
  const droppable = Array.from({ length: layers }, (_, layer) => layer)
    .filter((layer) => layer > 1 && layer < layers - 1)
    .sort((a, b) => (attention[b] as number) - (attention[a] as number));
  for (let layer = 0; layer < layers; layer++) {
    const place = droppable.indexOf(layer);
    const at = place < 0 ? 0 : (options.attentionFrom * (place + 1)) / droppable.length;
    ranked.push({ cell: attentionCell(config, layer), at });
    for (const cell of mlpCells(config, layer, cuts)) {
      const middle = (cell.unitStart + cell.units / 2) / config.ffnSize;
      ranked.push({ cell, at: middle / (mlpImportance[layer] as number) });
    }
  }
  return ranked
    .sort((a, b) => a.at - b.at || a.cell.layer - b.cell.layer || a.cell.unitStart - b.cell.unitStart)
    .map(({ cell }) => cell);
}

function relative(values: readonly number[]): number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.map((value) => (mean === 0 ? 1 : value / mean));
}
