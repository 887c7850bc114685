import type { ModelConfig } from './model-config.ts';
import {
  adapterInputSize,
  adapterLayout,
  type AdapterParameters,
  type AdapterShape,
  type RuntimeSite,
} from './recovery-adapter.ts';

/**
 * The graph inputs of a recovery adapter. All layers of a matrix are one input, because every input of a run
 * costs time to hand over; the graph splits them. R = rank, 0 where a level has no adapter.
 *
 * - `adapter.<site>.a` float32 [layers, in, R]
 * - `adapter.<site>.b` float32 [layers, R, hidden]
 * - `adapter.bias`     float32 [layers * hidden]
 */
export interface AdapterInput {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

export const ADAPTER_BIAS = 'adapter.bias';

export function adapterInputName(site: RuntimeSite, matrix: 'a' | 'b'): string {
  return `adapter.${site}.${matrix}`;
}

/**
 * What a graph with an adapter of this shape is fed at one level.
 *
 * @param parameters in the order of `adapterLayout`; null = the level has no adapter and stays exactly the
 *   plain model.
 */
export function adapterInputs(
  config: ModelConfig,
  shape: AdapterShape<RuntimeSite>,
  parameters: AdapterParameters | null,
): AdapterInput[] {
  const { layers, hiddenSize } = config;
  const rank = parameters === null ? 0 : shape.rank;
  const { entries, total } = adapterLayout(config, shape);
  if (parameters !== null && parameters.length !== total)
    throw new RangeError(`${parameters.length} adapter parameters instead of ${total}`);
  const inputs: AdapterInput[] = [];
  const add = (
    name: string,
    dims: readonly number[],
    belongs: (entry: (typeof entries)[number]) => boolean,
  ): void => {
    const data = new Float32Array(dims.reduce((product, dim) => product * dim, 1));
    let at = 0;
    for (const entry of parameters === null ? [] : entries.filter(belongs)) {
      const size = entry.dims.reduce((product, dim) => product * dim, 1);
      data.set(parameters?.subarray(entry.offset, entry.offset + size) ?? [], at);
      at += size;
    }
    inputs.push({ name, dims, data });
  };
  for (const site of shape.sites) {
    const inner = adapterInputSize(config, site);
    add(adapterInputName(site, 'a'), [layers, inner, rank], (e) => e.site === site && e.kind === 'a');
    add(adapterInputName(site, 'b'), [layers, rank, hiddenSize], (e) => e.site === site && e.kind === 'b');
  }
  if (shape.bias) add(ADAPTER_BIAS, [layers * hiddenSize], (e) => e.kind === 'bias');
  return inputs;
}
