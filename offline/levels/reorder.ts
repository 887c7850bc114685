import type { LayerTensors, OrderedModel } from '../graph/decoder-weights.ts';
import type { UnitOrder } from '../importance/unit-importance.ts';
import { layerWeight, type LayerWeight, type SourceModel } from '../sources/source-model.ts';

/** Rows of a row-major matrix in a new order; a unit is `unitRows` rows. */
export function permuteRows(
  matrix: Float32Array,
  width: number,
  unitRows: number,
  order: readonly number[],
): Float32Array {
  const out = new Float32Array(matrix.length);
  const unit = unitRows * width;
  for (const [to, from] of order.entries())
    out.set(matrix.subarray(from * unit, (from + 1) * unit), to * unit);
  return out;
}

/** Columns of a row-major matrix in a new order; a unit is `unitColumns` columns. */
export function permuteColumns(
  matrix: Float32Array,
  width: number,
  unitColumns: number,
  order: readonly number[],
): Float32Array {
  const out = new Float32Array(matrix.length);
  const source = order.flatMap((unit) =>
    Array.from({ length: unitColumns }, (_, i) => unit * unitColumns + i),
  );
  for (let row = 0; row < matrix.length; row += width)
    for (let column = 0; column < width; column++)
      out[row + column] = matrix[row + (source[column] as number)] as number;
  return out;
}

/**
 * The model with every layer's units in the given order. The function that it computes is the same up to the
 * order of f32 additions: neurons and KV groups are interchangeable.
 */
export function reorderModel(model: SourceModel, orders: readonly UnitOrder[]): OrderedModel {
  const { config } = model;
  const { hiddenSize: d, headDim, heads, kvHeads, ffnSize } = config;
  const queryRows = (heads / kvHeads) * headDim;
  return {
    config,
    tensor: (name) => model.tensor(name),
    layer: (layer): LayerTensors => {
      const order = orders[layer];
      if (order === undefined) throw new RangeError(`no order for layer ${layer}`);
      const read = (weight: LayerWeight): Float32Array => model.tensor(layerWeight(layer, weight));
      return {
        attentionNorm: read('attentionNorm'),
        q: permuteRows(read('q'), d, queryRows, order.kvGroups),
        k: permuteRows(read('k'), d, headDim, order.kvGroups),
        v: permuteRows(read('v'), d, headDim, order.kvGroups),
        o: permuteColumns(read('o'), heads * headDim, queryRows, order.kvGroups),
        mlpNorm: read('mlpNorm'),
        gate: permuteRows(read('gate'), d, 1, order.neurons),
        up: permuteRows(read('up'), d, 1, order.neurons),
        down: permuteColumns(read('down'), ffnSize, 1, order.neurons),
      };
    },
  };
}
