import type { LayerOrder } from '../../core/recipe-blobs.ts';
import type { ModelConfig } from '../../core/model-config.ts';
import { layerWeight, type SourceModel } from '../sources/source-model.ts';
import { UNIT_MATRICES, type UnitMatrix } from '../training/layer-shape.ts';
import { sharedLayout } from '../training/shared-layout.ts';
import { changeBytes, decodeChange } from './change-blocks.ts';

/** The change of the decoder's matrices that all levels share, in the bundle's order of units. */
export interface SharedChange {
  /** Per layer: 4-bit blocks of `down`'s change, [ffn, hidden]. */
  readonly down: readonly Uint8Array[];
  /** In the layout of `sharedLayout`; rank 0 and no elements where there is none. */
  readonly lowRank: { readonly rank: number; readonly parameters: Float32Array };
}

/** The blocks of all layers' `down`, one layer after the other in a file, layer by layer. */
export function downByLayer(bytes: Uint8Array, { layers, ffnSize, hiddenSize }: ModelConfig): Uint8Array[] {
  const size = changeBytes(ffnSize * hiddenSize);
  if (bytes.length !== layers * size)
    throw new RangeError(`${bytes.length} bytes are no change of ${layers} layers`);
  return Array.from({ length: layers }, (_, layer) => bytes.subarray(layer * size, (layer + 1) * size));
}

/** Row of the model that a row of the bundle's unit order is. */
function sourceRow(
  { heads, kvHeads, headDim }: ModelConfig,
  matrix: UnitMatrix,
  { neurons, kvGroups }: LayerOrder,
): (row: number) => number {
  if (matrix === 'gate' || matrix === 'up' || matrix === 'down') return (row) => neurons[row] as number;
  const width = matrix === 'k' || matrix === 'v' ? headDim : (heads / kvHeads) * headDim;
  return (row) => (kvGroups[Math.floor(row / width)] as number) * width + (row % width);
}

/**
 * The model with what recovery has changed for all levels merged into its weights. Sums are in float64 and rounded once, so
 * the same change gives the same weights on every computer. Everything else is the model's own.
 */
export function recoveredModel(
  model: SourceModel,
  orders: readonly LayerOrder[],
  change: SharedChange,
): SourceModel {
  const { config } = model;
  const { hiddenSize: d } = config;
  const { rank, parameters } = change.lowRank;
  const places = new Map(
    sharedLayout(config, rank).entries.map(({ layer, matrix, side, offset }) => [
      `${layer}.${matrix}.${side}`,
      offset,
    ]),
  );
  const matrices = new Map<string, { readonly layer: number; readonly matrix: UnitMatrix }>();
  for (let layer = 0; layer < config.layers; layer++)
    for (const matrix of UNIT_MATRICES) matrices.set(layerWeight(layer, matrix), { layer, matrix });

  const merged = (layer: number, matrix: UnitMatrix, weights: Float32Array): Float32Array => {
    const order = orders[layer];
    if (order === undefined) throw new RangeError(`no order of layer ${layer}`);
    const out = weights.slice();
    const rows = weights.length / d;
    const rowOf = sourceRow(config, matrix, order);
    const blocks = matrix === 'down' ? change.down[layer] : undefined;
    const dense = blocks === undefined ? null : decodeChange(blocks, weights.length);
    const units = places.get(`${layer}.${matrix}.units`);
    const hidden = places.get(`${layer}.${matrix}.hidden`);
    const inputMajor = matrix === 'o' || matrix === 'down';
    for (let row = 0; row < rows; row++) {
      const source = rowOf(row);
      for (let column = 0; column < d; column++) {
        const at = inputMajor ? column * rows + source : source * d + column;
        let sum = (out[at] as number) + (dense === null ? 0 : (dense[row * d + column] as number));
        if (units !== undefined && hidden !== undefined)
          for (let r = 0; r < rank; r++)
            sum +=
              (parameters[units + row * rank + r] as number) *
              (parameters[hidden + column * rank + r] as number);
        out[at] = sum;
      }
    }
    return out;
  };
  return {
    ...model,
    tensor: (name) => {
      const weights = model.tensor(name);
      const place = matrices.get(name);
      return place === undefined ? weights : merged(place.layer, place.matrix, weights);
    },
    close: () => model.close(),
  };
}
