import { layerWeight, type SourceModel } from '../sources/source-model.ts';
import type { BlockLosses } from './block-losses.ts';
import type { ActivationStatistics } from './calibration-model.ts';
import type { LayerImportance, UnitImportance } from './unit-importance.ts';

/** L2 norm of every column of a row-major matrix. */
function columnNorms(matrix: Float32Array, width: number): Float32Array {
  const norms = new Float32Array(width);
  for (let row = 0; row < matrix.length; row += width)
    for (let column = 0; column < width; column++)
      norms[column] = (norms[column] as number) + (matrix[row + column] as number) ** 2;
  return norms.map(Math.sqrt);
}

/**
 * Forward-only importance. A neuron's is the root mean square of its activation times the norm of its `down`
 * column, i.e. of what it adds to the residual stream; squares, because neurons that fire on few tokens but hard
 * matter (docs/decisions/0043-importance-without-gradients.md). A KV group's is the same over its query heads'
 * channels. Sizes do not compare over layers: whole blocks count by what the model loses without them.
 */
export function activationImportance(
  model: SourceModel,
  statistics: ActivationStatistics,
  losses: readonly BlockLosses[],
): UnitImportance {
  const { ffnSize, heads, kvHeads, headDim } = model.config;
  const groupChannels = (heads / kvHeads) * headDim;
  const layers = statistics.map((layerStatistics, layer): LayerImportance => {
    const down = columnNorms(model.tensor(layerWeight(layer, 'down')), ffnSize);
    const output = columnNorms(model.tensor(layerWeight(layer, 'o')), heads * headDim);
    const neurons = down.map((norm, i) => norm * (layerStatistics['mlp-hidden'].rms[i] as number));
    const kvGroups = new Float32Array(kvHeads);
    for (const [channel, norm] of output.entries()) {
      const group = Math.floor(channel / groupChannels);
      const size = norm * (layerStatistics['attention-out'].rms[channel] as number);
      kvGroups[group] = (kvGroups[group] as number) + size;
    }
    return { neurons, kvGroups, ...(losses[layer] ?? { mlp: 0, attention: 0, layer: 0 }) };
  });
  return {
    method: 'forward only: units by RMS activation x output norm, blocks by divergence without them',
    layers,
  };
}
