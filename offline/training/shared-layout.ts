import { normalSample, seededRandom } from '../../core/random.ts';
import type { ModelConfig } from '../../core/model-config.ts';
import { unitRows, UNIT_MATRICES, type UnitMatrix } from './layer-shape.ts';

/** A low-rank change of a matrix [rows, hidden]: units [rows, R] times the transpose of hidden [hidden, R]. */
export type SharedSide = 'units' | 'hidden';

export interface SharedEntry {
  readonly layer: number;
  readonly matrix: UnitMatrix;
  readonly side: SharedSide;
  /** In elements. */
  readonly offset: number;
  readonly dims: readonly [number, number];
}

/** What the layout depends on. */
export type SharedDims = Pick<
  ModelConfig,
  'hiddenSize' | 'layers' | 'heads' | 'kvHeads' | 'headDim' | 'ffnSize'
>;

/**
 * The change of the decoder's matrices that all levels share, flat: layer by layer, matrix by matrix, units and hidden.
 * Rows are in the bundle's order of units, so that a level's part of `units` is a prefix. Once trained it is merged
 * into the weights and costs nothing at run time.
 */
export function sharedLayout(
  config: SharedDims,
  rank: number,
): { readonly total: number; readonly entries: readonly SharedEntry[] } {
  const entries: SharedEntry[] = [];
  let total = 0;
  const whole = { kvGroups: config.kvHeads, neurons: config.ffnSize };
  if (rank > 0)
    for (let layer = 0; layer < config.layers; layer++)
      for (const matrix of UNIT_MATRICES)
        for (const side of ['units', 'hidden'] as const) {
          const rows = side === 'units' ? unitRows(config, matrix, whole) : config.hiddenSize;
          entries.push({ layer, matrix, side, offset: total, dims: [rows, rank] });
          total += rows * rank;
        }
  return { total, entries };
}

/** Where training starts: no change, since the side that writes is zero and the one that reads random (LoRA). */
export function startShared(config: SharedDims, rank: number, seed: number): Float32Array {
  const { total, entries } = sharedLayout(config, rank);
  const parameters = new Float32Array(total);
  const random = seededRandom(seed);
  for (const { matrix, side, offset, dims } of entries) {
    const writes = matrix === 'o' || matrix === 'down' ? 'hidden' : 'units';
    if (side === writes) continue;
    const [rows] = dims;
    for (let i = 0; i < rows * dims[1]; i++) parameters[offset + i] = normalSample(random) / Math.sqrt(rows);
  }
  return parameters;
}
