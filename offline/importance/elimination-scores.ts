import { LayerPass } from '../layerwise/layer-pass.ts';
import { embed, inBatches, inverseSizes } from '../layerwise/layer-streams.ts';
import { MlpSums } from '../layerwise/mlp-sums.ts';
import type { WindowIds } from '../training/batch-feeds.ts';
import { fullShape } from '../training/layer-shape.ts';
import type { TrainingWeights } from '../training/training-weights.ts';
import { attentionCutLoss, mlpCutLosses, type LayerText } from './cut-losses.ts';
import { CutProbe } from './cut-probe.ts';
import { eliminate } from './elimination-order.ts';
import type { CutLosses } from './unit-importance.ts';

/** Of a layer's time: the forward pass, the elimination, and what is measured of cuts. */
const PASS_SHARE = 0.3;
const ELIMINATION_SHARE = 0.3;
/** Batches by which attention is made up for, evenly spread over the text and so over its domains. */
const ATTENTION_BATCHES = 4;
/** Shares of the neurons that are kept where cuts are measured. */
const KEPT = [1 / 3, 2 / 3];

export interface LayerElimination {
  /** [ffnSize]: 1 for the first neuron to go, the number of neurons for the one that stays longest. */
  readonly neurons: Float32Array;
  readonly cuts: CutLosses;
}

/**
 * Orders every layer's neurons by {@link eliminate}, from the full model's hidden values over all windows, and measures
 * what the model loses when the layer alone is cut: rows count by one over their size, as the norms see them.
 *
 * @param weights the model in its own order of units
 * @param probeWindows what losses are measured on, all of one length
 */
export async function eliminationScores(
  weights: TrainingWeights,
  windows: readonly WindowIds[],
  probeWindows: readonly WindowIds[],
  onFraction: (fraction: number) => void,
): Promise<LayerElimination[]> {
  const { config } = weights;
  const { hiddenSize, ffnSize } = config;
  const { batches, size, tokens } = inBatches(windows);
  const [shape] = fullShape(config);
  if (shape === undefined || size === 0) throw new RangeError('no windows to eliminate neurons by');
  const widths = KEPT.map((share) => Math.round(share * ffnSize)).filter((width) => width > 0);
  const probe = await CutProbe.open(weights, probeWindows);
  let streams = embed(weights, batches);
  const found: LayerElimination[] = [];
  try {
    for (let layer = 0; layer < config.layers; layer++) {
      const at = (fraction: number): void => onFraction((layer + fraction) / config.layers);
      const down = weights.read(`${layer}.down`);
      const rowWeights = inverseSizes(streams, hiddenSize);
      const sums = new MlpSums(ffnSize, hiddenSize);
      const after: Float32Array[] = [];
      const pass = await LayerPass.open({ weights, layer, shape, batch: size, tokens, statistics: 'hidden' });
      try {
        for (const [i, batch] of batches.entries()) {
          const [stream, rows] = [streams[i] as Float32Array, rowWeights[i] as Float32Array];
          const { after: behind, mlp } = await pass.hiddenStatistics(batch, stream, rows);
          sums.add(mlp, rows);
          after.push(behind);
          at((PASS_SHARE * (i + 1)) / batches.length);
        }
      } finally {
        await pass.close();
      }
      const { order, downs } = await eliminate(sums.centredGram(), down, ffnSize, widths);
      at(PASS_SHARE + ELIMINATION_SHARE);
      const some = spread({ batches, before: streams, after, rowWeights });
      const attention = await attentionCutLoss(probe, weights, layer, down, some);
      const mlp = await mlpCutLosses(probe, layer, down, downs, sums.hiddenMeans());
      streams = after;
      const neurons = new Float32Array(ffnSize);
      for (const [place, neuron] of order.entries()) neurons[neuron] = ffnSize - place;
      found.push({ neurons, cuts: { attention, mlp } });
      at(1);
    }
  } finally {
    await probe.close();
  }
  return found;
}

/** {@link ATTENTION_BATCHES} of all batches. */
function spread(text: LayerText): LayerText {
  const all = text.batches.length;
  const count = Math.min(ATTENTION_BATCHES, all);
  const places = Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * all) / count));
  const of = <T>(each: readonly T[]): T[] => places.map((place) => each[place] as T);
  return {
    batches: of(text.batches),
    before: of(text.before),
    after: of(text.after),
    rowWeights: of(text.rowWeights),
  };
}
