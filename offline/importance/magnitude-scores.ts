import { layerWeight, type LayerWeight, type SourceModel } from '../sources/source-model.ts';
import type { UnitScores } from './unit-scores.ts';

/** L2 norm of every unit's weights, per layer. A baseline. */
export function magnitudeScores(model: SourceModel): UnitScores[] {
  const { layers, hiddenSize, ffnSize, kvHeads, heads, headDim } = model.config;
  return Array.from({ length: layers }, (_, layer) => {
    const squares = { neurons: new Float32Array(ffnSize), kvGroups: new Float32Array(kvHeads) };
    const add = (name: LayerWeight, into: Float32Array, unitOf: (index: number) => number): void => {
      for (const [index, value] of (model.tensor(layerWeight(layer, name)) as Float32Array).entries()) {
        const unit = unitOf(index);
        into[unit] = (into[unit] as number) + value * value;
      }
    };
    const byRows =
      (rowsPerUnit: number) =>
      (index: number): number =>
        Math.floor(index / hiddenSize / rowsPerUnit);
    const queryRows = (heads / kvHeads) * headDim;
    add('gate', squares.neurons, byRows(1));
    add('up', squares.neurons, byRows(1));
    add('down', squares.neurons, (index) => index % ffnSize);
    add('q', squares.kvGroups, byRows(queryRows));
    add('k', squares.kvGroups, byRows(headDim));
    add('v', squares.kvGroups, byRows(headDim));
    add('o', squares.kvGroups, (index) => Math.floor((index % (heads * headDim)) / queryRows));
    return { neurons: squares.neurons.map(Math.sqrt), kvGroups: squares.kvGroups.map(Math.sqrt) };
  });
}
