import type { Segment } from '../../core/bundle-manifest.ts';
import { FULL_LEVEL, type Level } from '../../core/level.ts';
import { paramsPerMlpNeuron, decoderParams, type ModelConfig } from '../../core/model-config.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { UnitImportance } from '../importance/unit-importance.ts';
import { attentionCells, type AttentionUnit } from './attention-cells.ts';
import { NEURON_GRAIN } from './cut-to-size.ts';
import { layerLoss, layersByValue } from './layer-importance.ts';
import { LEVEL_TOLERANCE, mlpCells } from './level-plan.ts';

export interface PaperOptions {
  /** Share of the layers that are locked. */
  readonly anchorShare: number;
  readonly attentionUnit: AttentionUnit;
}

/** Paper §3.2: about 20 % of the layers are anchors. */
export const PAPER_OPTIONS: PaperOptions = { anchorShare: 0.2, attentionUnit: 'auto' };

/** Rounding of `share * layers` must not cost a layer. */
const EPSILON = 1e-9;

/** The layers that are never cut: those whose removal costs most. */
export function anchorLayers(importance: UnitImportance, share: number): number[] {
  const count = Math.floor(importance.layers.length * share + EPSILON);
  return layersByValue(importance, layerLoss).slice(0, count);
}

/**
 * Share of the units that a layer which is no anchor keeps at a level: (s*N - A) / (N - A) (paper §3.2).
 * `level-below-anchors`: the anchors alone are larger than the level.
 */
export function keepRatio(level: Level, layers: number, anchors: number): Result<number> {
  if (level === FULL_LEVEL) return ok(1);
  const keep = ((level / 100) * layers - anchors) / (layers - anchors);
  if (keep >= -EPSILON) return ok(Math.max(0, keep));
  return fail(
    'level-below-anchors',
    `Level ${level} cannot be made: ${anchors} of ${layers} layers are anchors and take ` +
      `${((100 * anchors) / layers).toFixed(0)} % of the decoder by themselves.`,
    'Lock fewer layers, or leave the level out.',
  );
}

/**
 * The paper's shape (§3.2): anchors whole, every other layer the same share of its neurons and of its KV
 * groups. Ranked in small cells, so that a level that takes its size from the front of the ranking has that
 * share. Groups too coarse for it come in one layer after the other; where attention is not cut by groups, so
 * does the attention of whole layers.
 */
export function rankPaper(config: ModelConfig, importance: UnitImportance, options: PaperOptions): Segment[] {
  const anchors = anchorLayers(importance, options.anchorShare);
  const others = layersByValue(importance, layerLoss, (layer) => !anchors.includes(layer));
  const { ffnSize } = config;
  const cuts = grainCuts(config);
  const ranked: { readonly cell: Segment; readonly width: number; readonly place: number }[] = [];
  for (const layer of [...anchors, ...others]) {
    const place = others.indexOf(layer);
    const stagger = (place + 0.5) / others.length;
    const attention = attentionCells(config, layer, options.attentionUnit);
    for (const [index, cell] of attention.entries())
      ranked.push({ cell, place, width: place < 0 ? -1 : (index + stagger) / attention.length });
    for (const cell of mlpCells(config, layer, cuts))
      ranked.push({ cell, place, width: place < 0 ? -1 : (cell.unitStart + cell.units / 2) / ffnSize });
  }
  return ranked.sort((a, b) => a.width - b.width || a.place - b.place).map(({ cell }) => cell);
}

/** Cuts every {@link NEURON_GRAIN} neurons, finer where the grain of one layer would miss a level by itself. */
function grainCuts(config: ModelConfig): number[] {
  let grain = NEURON_GRAIN;
  const tolerance = (LEVEL_TOLERANCE * decoderParams(config)) / 2;
  while (grain > 1 && grain * paramsPerMlpNeuron(config) > tolerance) grain /= 2;
  const cuts: number[] = [];
  for (let at = 0; at < config.ffnSize; at += grain) cuts.push(at);
  return [...cuts, config.ffnSize];
}
