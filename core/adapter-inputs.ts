import {
  adapterLayout,
  type AdapterDims,
  type AdapterNorm,
  type AdapterParameters,
  type AdapterShape,
  type RuntimeSite,
} from './recovery-adapter.ts';

/**
 * The graph inputs of a recovery adapter, float32, R = rank (0 where a level has no adapter):
 * - `adapter.<layer>.<site>.a` [in, R]
 * - `adapter.<layer>.<site>.b` [R, hidden]
 * - `adapter.<layer>.bias`     [hidden]
 * - `norm.<layer>.attentionNorm`, `norm.<layer>.mlpNorm`, `norm.finalNorm` [hidden], in place of the model's own
 *
 * One input for all layers, split in the graph, is slower: the split copies what would be read once anyway.
 */
export interface AdapterInput {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

export function adapterInputName(layer: number, site: RuntimeSite, matrix: 'a' | 'b'): string {
  return `adapter.${layer}.${site}.${matrix}`;
}

export function adapterNormName(layer: number, norm: AdapterNorm): string {
  return norm === 'finalNorm' ? 'norm.finalNorm' : `norm.${layer}.${norm}`;
}

export function adapterBiasName(layer: number): string {
  return `adapter.${layer}.bias`;
}

/**
 * What a graph with an adapter of this shape is fed at one level. The data are views of `parameters`: nothing
 * is copied.
 *
 * @param parameters in the order of `adapterLayout`; null = the level has no adapter and stays exactly the
 *   plain model; only where the shape has no norms.
 */
export function adapterInputs(
  config: AdapterDims,
  shape: AdapterShape<RuntimeSite>,
  parameters: AdapterParameters | null,
): AdapterInput[] {
  if (parameters === null && shape.norms) throw new RangeError('a level has no norms of its own');
  const { entries, total } = adapterLayout(config, parameters === null ? { ...shape, rank: 0 } : shape);
  const values = parameters ?? new Float32Array(total);
  if (values.length !== total)
    throw new RangeError(`${values.length} adapter parameters instead of ${total}`);
  return entries.map(({ layer, kind, site, offset, dims }) => {
    const size = dims.reduce((product, dim) => product * dim, 1);
    const data = values.subarray(offset, offset + size);
    if (kind === 'bias') return { name: adapterBiasName(layer), dims, data };
    if (kind === 'a' || kind === 'b')
      return { name: adapterInputName(layer, site as RuntimeSite, kind), dims, data };
    return { name: adapterNormName(layer, kind), dims, data };
  });
}
