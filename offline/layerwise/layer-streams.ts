import { WEIGHTS } from '../sources/source-model.ts';
import type { WindowIds } from '../training/batch-feeds.ts';
import type { TrainingWeights } from '../training/training-weights.ts';

/** Windows of one run. */
const BATCH = 8;

/** Windows in batches of one size; what fills none is left out. */
export function inBatches<W extends WindowIds>(
  windows: readonly W[],
): { readonly batches: readonly (readonly W[])[]; readonly size: number; readonly tokens: number } {
  const size = Math.min(BATCH, windows.length);
  const count = size === 0 ? 0 : Math.floor(windows.length / size);
  const batches = Array.from({ length: count }, (_, i) => windows.slice(i * size, (i + 1) * size));
  return { batches, size, tokens: windows[0]?.ids.length ?? 0 };
}

/** The residual stream before the first layer, of each batch [windows * tokens, hidden]. */
export function embed(weights: TrainingWeights, batches: readonly (readonly WindowIds[])[]): Float32Array[] {
  const d = weights.config.hiddenSize;
  const table = weights.read(WEIGHTS.embedding);
  return batches.map((windows) => {
    const tokens = windows[0]?.ids.length ?? 0;
    const rows = new Float32Array(windows.length * tokens * d);
    for (const [w, { ids }] of windows.entries())
      for (const [i, id] of ids.entries())
        rows.set(table.subarray(id * d, (id + 1) * d), (w * tokens + i) * d);
    return rows;
  });
}

/** Weight of each row: one over its mean square, as the norms behind it see it; 1 on average over all. */
export function inverseSizes(streams: readonly Float32Array[], hiddenSize: number): Float32Array[] {
  const weights = streams.map((rows) => {
    const own = new Float32Array(rows.length / hiddenSize);
    for (let row = 0; row < own.length; row++) {
      let square = 0;
      for (let i = row * hiddenSize; i < (row + 1) * hiddenSize; i++) square += (rows[i] as number) ** 2;
      own[row] = hiddenSize / Math.max(square, 1e-12);
    }
    return own;
  });
  let sum = 0;
  let count = 0;
  for (const own of weights) {
    for (const weight of own) sum += weight;
    count += own.length;
  }
  return weights.map((own) => own.map((weight) => (weight * count) / sum));
}
