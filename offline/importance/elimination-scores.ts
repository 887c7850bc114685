import { LayerPass } from '../layerwise/layer-pass.ts';
import { embed, inBatches, inverseSizes } from '../layerwise/layer-streams.ts';
import { MlpSums } from '../layerwise/mlp-sums.ts';
import type { WindowIds } from '../training/batch-feeds.ts';
import { fullShape } from '../training/layer-shape.ts';
import type { TrainingWeights } from '../training/training-weights.ts';
import { eliminationOrder } from './elimination-order.ts';

/** Of a layer's time, the forward pass; the rest goes into the elimination itself. */
const PASS_SHARE = 0.5;

/**
 * Scores of every layer's neurons by {@link eliminationOrder}, from the full model's hidden values over all windows:
 * 1 for the first neuron to go, the number of neurons for the one that stays longest. Rows count by one over their
 * size, as the norms see them.
 *
 * @param weights the model in its own order of units
 * @returns per layer [ffnSize]; comparable inside of the layer
 */
export async function eliminationScores(
  weights: TrainingWeights,
  windows: readonly WindowIds[],
  onFraction: (fraction: number) => void,
): Promise<Float32Array[]> {
  const { config } = weights;
  const { hiddenSize, ffnSize } = config;
  const { batches, size, tokens } = inBatches(windows);
  const [shape] = fullShape(config);
  if (shape === undefined || size === 0) throw new RangeError('no windows to eliminate neurons by');
  const noBias = new Float32Array(hiddenSize);
  let streams = embed(weights, batches);
  const scores: Float32Array[] = [];
  for (let layer = 0; layer < config.layers; layer++) {
    const at = (fraction: number): void => onFraction((layer + fraction) / config.layers);
    const down = weights.read(`${layer}.down`);
    const rowWeights = inverseSizes(streams, hiddenSize);
    const sums = new MlpSums(ffnSize, hiddenSize);
    const next: Float32Array[] = [];
    const pass = await LayerPass.open({ weights, layer, shape, batch: size, tokens, statistics: true });
    try {
      for (const [i, batch] of batches.entries()) {
        const [stream, rows] = [streams[i] as Float32Array, rowWeights[i] as Float32Array];
        // What the level misses is of no interest here: any target does.
        const { middle, mlp } = await pass.statistics(batch, stream, stream, rows);
        sums.add(mlp, rows);
        next.push(await pass.after(middle, down, noBias));
        at((PASS_SHARE * (i + 1)) / batches.length);
      }
    } finally {
      await pass.close();
    }
    streams = next;
    const own = new Float32Array(ffnSize);
    for (const [place, neuron] of eliminationOrder(sums.centredGram(), down, ffnSize).entries())
      own[neuron] = ffnSize - place;
    scores.push(own);
    at(1);
  }
  return scores;
}
