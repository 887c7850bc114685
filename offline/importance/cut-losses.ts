import { LayerPass } from '../layerwise/layer-pass.ts';
import { measureMissing } from '../layerwise/measure-missing.ts';
import { MlpSums } from '../layerwise/mlp-sums.ts';
import type { WindowIds } from '../training/batch-feeds.ts';
import type { TrainingWeights } from '../training/training-weights.ts';
import type { CutProbe } from './cut-probe.ts';
import type { CutLosses } from './unit-importance.ts';

/** Of the mean of the Gram matrix's diagonal, added to it: there is little text. */
const RIDGE = 0.2;

/** A layer as all text goes through it, batch by batch. */
export interface LayerText {
  readonly batches: readonly (readonly WindowIds[])[];
  /** The stream before the layer, and behind it. */
  readonly before: readonly Float32Array[];
  readonly after: readonly Float32Array[];
  /** What each row counts. */
  readonly rowWeights: readonly Float32Array[];
}

/**
 * What the model loses when the layer's MLP keeps fewer neurons.
 *
 * @param down the layer's own, [ffn, hidden]
 * @param kept number of neurons -> `down` as those that are left make up for the others, means apart
 * @param means of the hidden values, [ffn]
 */
export async function mlpCutLosses(
  probe: CutProbe,
  layer: number,
  down: Float32Array,
  kept: ReadonlyMap<number, Float32Array>,
  means: Float64Array,
): Promise<CutLosses['mlp']> {
  const hidden = down.length / means.length;
  const losses: { neurons: number; loss: number }[] = [];
  for (const [neurons, rows] of kept) {
    const bias = new Float32Array(hidden);
    for (const [neuron, mean] of means.entries())
      for (let c = 0; c < hidden; c++) {
        const at = neuron * hidden + c;
        bias[c] = (bias[c] as number) + mean * ((down[at] as number) - (rows[at] as number));
      }
    losses.push({ neurons, loss: await probe.loss(layer, { attention: true, down: rows, bias }) });
  }
  return losses.sort((a, b) => a.neurons - b.neurons);
}

/** What the model loses without the layer's attention when `down` is changed so as to make up for it. */
export async function attentionCutLoss(
  probe: CutProbe,
  weights: TrainingWeights,
  layer: number,
  down: Float32Array,
  { batches, before, after, rowWeights }: LayerText,
): Promise<number> {
  const { hiddenSize, ffnSize } = weights.config;
  const [batch = 0, tokens = 0] = [batches[0]?.length, batches[0]?.[0]?.ids.length];
  const shape = { kvGroups: 0, neurons: ffnSize };
  const pass = await LayerPass.open({ weights, layer, shape, batch, tokens, statistics: 'missing' });
  const sums = new MlpSums(ffnSize, hiddenSize);
  try {
    await measureMissing(pass, sums, batches, before, after, rowWeights);
  } finally {
    await pass.close();
  }
  const change = await MlpSums.solve([{ part: sums, weight: 1 }], ffnSize, hiddenSize, RIDGE);
  const bias = sums.bias(change);
  const changed = down.map((value, i) => value + (change[i] as number));
  return probe.loss(layer, { attention: false, down: changed, bias });
}
