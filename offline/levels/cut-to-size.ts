import type { Segment } from '../../core/bundle-manifest.ts';
import { paramsPerMlpNeuron, type ModelConfig } from '../../core/model-config.ts';

/** Neurons of a cut are a multiple of this, so that block-quantized `down` columns start on whole blocks. */
export const NEURON_GRAIN = 32;

/** The coarsest grain, a power of two, that can hit a size within half the tolerance. */
function grainFor(config: ModelConfig, toleranceParams: number): number {
  let grain = NEURON_GRAIN;
  while (grain > 1 && (grain * paramsPerMlpNeuron(config)) / 2 > toleranceParams / 2) grain /= 2;
  return grain;
}

/**
 * Takes cells from the front of a ranking until `wanted` parameters are full. The MLP cell that would overflow
 * is cut in two; attention that would overflow waits for the next level, so that only MLPs are cut.
 *
 * @returns what is taken and what is left, both in the order of the ranking.
 */
export function cutToSize(
  config: ModelConfig,
  cells: readonly Segment[],
  wanted: number,
  toleranceParams: number,
): readonly [taken: Segment[], left: Segment[]] {
  const neuron = paramsPerMlpNeuron(config);
  const grain = grainFor(config, toleranceParams);
  const taken: Segment[] = [];
  const left: Segment[] = [];
  const waiting = new Set<string>();
  let room = wanted;
  for (const cell of cells) {
    const place = `${cell.layer} ${cell.kind}`;
    if (cell.params <= room && !waiting.has(place)) {
      taken.push(cell);
      room -= cell.params;
      continue;
    }
    // Later cells of the same layer and kind must not overtake this one.
    const overtakes = waiting.has(place);
    waiting.add(place);
    if (cell.kind === 'attention' || overtakes || room < (grain * neuron) / 2) {
      left.push(cell);
      continue;
    }
    const end = grain * Math.round((cell.unitStart + room / neuron) / grain);
    const units = Math.min(cell.units, Math.max(0, end - cell.unitStart));
    const rest = cell.units - units;
    if (units > 0) taken.push({ ...cell, units, params: units * neuron });
    if (rest > 0)
      left.push({ ...cell, unitStart: cell.unitStart + units, units: rest, params: rest * neuron });
    room -= units * neuron;
  }
  return [taken, left];
}
