import type { Segment } from '../../core/bundle-manifest.ts';
import { decoderParams, type ModelConfig } from '../../core/model-config.ts';
import type { UnitImportance } from '../importance/unit-importance.ts';
import { NEURON_GRAIN } from './cut-to-size.ts';
import { rankAttention, type AttentionUnit } from './attention-cells.ts';
import { layerWorth, layersByValue, mlpShares } from './layer-importance.ts';
import { mlpCells, paramsOf } from './level-plan.ts';
import { orderMlpCells } from './mlp-order.ts';
import { evenCuts } from './rank-cells.ts';
import { valueAt } from './straight-lines.ts';

/** Share of the attention that is on at a decoder ratio: points ascending from (0, 0), straight lines between. */
export type AttentionCurve = readonly (readonly [ratio: number, share: number])[];

export interface ProportionalOptions {
  /** MLP cells per layer, all equal; or the decoder ratios at whose widths every layer is cut. */
  readonly cuts: { readonly cells: number } | { readonly ratios: readonly number[] };
  readonly attentionCurve: AttentionCurve;
  readonly attentionUnit: AttentionUnit;
  /**
   * Decoder ratio up to which layers come in one by one, each with its attention and the first cell of its MLP: so
   * little is better spent on a model of fewer layers (docs/decisions/0044-which-segments-a-level-keeps.md).
   */
  readonly coreRatio: number;
}

/**
 * Attention goes along the same curve as with even widths: that costs next to nothing at 60 % and helps below
 * (docs/decisions/0044-which-segments-a-level-keeps.md).
 */
export const PROPORTIONAL_OPTIONS: ProportionalOptions = {
  cuts: { cells: 3 },
  attentionCurve: [
    [0, 0],
    [0.2, 0.26],
    [0.4, 0.6],
    [0.6, 0.87],
    [0.7, 0.93],
    [0.8, 1],
  ],
  attentionUnit: 'auto',
  coreRatio: 0.3,
};

/** Widths (0..1) in proportion to `shares`, none above 1, that keep `ratio` of all neurons. */
export function proportionalWidths(shares: readonly number[], ratio: number): number[] {
  const widthsAt = (scale: number): number[] => shares.map((share) => Math.min(1, scale * share));
  let low = 0;
  let high = 1 / Math.min(...shares);
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    const kept = widthsAt(middle).reduce((sum, width) => sum + width, 0) / shares.length;
    if (kept < ratio) low = middle;
    else high = middle;
  }
  return widthsAt(high);
}

/** Where each layer's MLP is cut. */
function layerCuts(config: ModelConfig, shares: readonly number[], options: ProportionalOptions): number[][] {
  const { ffnSize } = config;
  if ('cells' in options.cuts) {
    const cuts = evenCuts(ffnSize, options.cuts.cells);
    return shares.map(() => cuts);
  }
  const mlpShare = (config.layers * ffnSize * 3 * config.hiddenSize) / decoderParams(config);
  const grain = ffnSize % NEURON_GRAIN === 0 ? NEURON_GRAIN : 1;
  const widths = options.cuts.ratios.map((ratio) => {
    const attention = (1 - mlpShare) * valueAt(options.attentionCurve, ratio);
    return proportionalWidths(shares, Math.max(0, ratio - attention) / mlpShare);
  });
  return shares.map((_, layer) => {
    const inner = widths.map((width) => grain * Math.round((ffnSize * (width[layer] ?? 0)) / grain));
    return [...new Set([0, ...inner, ffnSize])].sort((a, b) => a - b);
  });
}

/**
 * MLPs in staggered cells (models.md §4.7) in the order of {@link orderMlpCells}. Attention comes in beside them along
 * `attentionCurve`, in the order of {@link rankAttention}.
 */
export function rankProportional(
  config: ModelConfig,
  importance: UnitImportance,
  options: ProportionalOptions,
): Segment[] {
  const shares = mlpShares(importance);
  const cuts = layerCuts(config, shares, options);
  const mlp = orderMlpCells(
    importance,
    cuts.map((own, layer) => mlpCells(config, layer, own)),
  );
  const attention = rankAttention(config, importance, options.attentionUnit);
  const core = coreCells(config, importance, [...attention, ...mlp], options.coreRatio);
  return weave(config, core, mlp, attention, options.attentionCurve);
}

/** Cells of the layers that the smallest levels are made of. */
function coreCells(
  config: ModelConfig,
  importance: UnitImportance,
  cells: readonly Segment[],
  ratio: number,
): Segment[] {
  const core: Segment[] = [];
  const room = Math.round(ratio * decoderParams(config));
  for (const layer of layersByValue(importance, layerWorth)) {
    const own = cells.filter((cell) => cell.layer === layer);
    const pair = own.filter(({ kind, unitStart }) => kind === 'attention' || unitStart === 0);
    if (paramsOf([...core, ...pair]) > room) break;
    core.push(...pair);
  }
  return core;
}

/** The core, then both rankings merged, so that at every decoder ratio the curve's share of the attention is on. */
function weave(
  config: ModelConfig,
  core: readonly Segment[],
  mlp: readonly Segment[],
  attention: readonly Segment[],
  curve: AttentionCurve,
): Segment[] {
  const whole = decoderParams(config);
  const waiting = (cells: readonly Segment[]): Segment[] => cells.filter((cell) => !core.includes(cell));
  const later = waiting(attention);
  const ranked = [...core];
  let kept = paramsOf(core);
  const take = (cell: Segment): void => {
    ranked.push(cell);
    kept += cell.params;
  };
  for (const cell of waiting(mlp)) {
    // Half a cell early: the share is then right on average.
    while (
      later.length > 0 &&
      (attention.length - later.length + 0.5) / attention.length < valueAt(curve, kept / whole)
    )
      take(later.shift() as Segment);
    take(cell);
  }
  for (const cell of later) take(cell);
  return ranked;
}
