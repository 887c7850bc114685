import type { ModelConfig } from '../../core/model-config.ts';
import type { UnitOrder } from '../importance/unit-importance.ts';
import {
  LAYER_WEIGHTS,
  layerWeight,
  type LayerTensors,
  optionalWeights,
  type LayerWeight,
  type OptionalLayerWeight,
  type SourceModel,
} from '../sources/source-model.ts';

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
  const source = Int32Array.from(
    order.flatMap((unit) => Array.from({ length: unitColumns }, (_, i) => unit * unitColumns + i)),
  );
  for (let row = 0; row < matrix.length; row += width)
    for (let column = 0; column < width; column++)
      out[row + column] = matrix[row + (source[column] as number)] as number;
  return out;
}

/** All weights of a layer, as the model has them. */
export function readLayer(model: SourceModel, layer: number): LayerTensors {
  const names = [...(Object.keys(LAYER_WEIGHTS) as LayerWeight[]), ...optionalWeights(model.config)];
  const read = (weight: LayerWeight | OptionalLayerWeight): [string, Float32Array] => [
    weight,
    model.tensor(layerWeight(layer, weight)),
  ];
  return Object.fromEntries(names.map(read)) as LayerTensors;
}

/**
 * A layer with its units in the given order. The function that it computes is the same up to the order of f32
 * additions: neurons and KV groups are interchangeable. Biases go with their rows; the q and k norm weights are
 * shared by all heads.
 */
export function reorderLayer(config: ModelConfig, tensors: LayerTensors, order: UnitOrder): LayerTensors {
  const { hiddenSize: d, headDim, heads, kvHeads, ffnSize } = config;
  const queryRows = (heads / kvHeads) * headDim;
  const bias = (values: Float32Array | undefined, rows: number): Float32Array | undefined =>
    values && permuteRows(values, 1, rows, order.kvGroups);
  return {
    ...tensors,
    q: permuteRows(tensors.q, d, queryRows, order.kvGroups),
    k: permuteRows(tensors.k, d, headDim, order.kvGroups),
    v: permuteRows(tensors.v, d, headDim, order.kvGroups),
    o: permuteColumns(tensors.o, heads * headDim, queryRows, order.kvGroups),
    gate: permuteRows(tensors.gate, d, 1, order.neurons),
    up: permuteRows(tensors.up, d, 1, order.neurons),
    down: permuteColumns(tensors.down, ffnSize, 1, order.neurons),
    qBias: bias(tensors.qBias, queryRows),
    kBias: bias(tensors.kBias, headDim),
    vBias: bias(tensors.vBias, headDim),
  };
}
