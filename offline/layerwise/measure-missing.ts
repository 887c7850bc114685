import type { WindowIds } from '../training/batch-feeds.ts';
import type { LayerPass } from './layer-pass.ts';
import type { MlpSums } from './mlp-sums.ts';

/**
 * Adds to the sums what a layer's hidden values are and what it misses of the targets, over all text.
 *
 * @param streams before the layer, and `targets` behind it, batch by batch
 * @returns the streams behind the layer's attention
 */
export async function measureMissing(
  pass: LayerPass,
  sums: MlpSums,
  batches: readonly (readonly WindowIds[])[],
  streams: readonly Float32Array[],
  targets: readonly Float32Array[],
  rowWeights: readonly Float32Array[],
): Promise<Float32Array[]> {
  const middles: Float32Array[] = [];
  for (const [b, windows] of batches.entries()) {
    const rows = rowWeights[b] as Float32Array;
    const [stream, target] = [streams[b] as Float32Array, targets[b] as Float32Array];
    const { middle, mlp } = await pass.missingStatistics(windows, stream, target, rows);
    middles.push(middle);
    sums.add(mlp, rows);
  }
  return middles;
}
