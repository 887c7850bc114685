import { floatToHalf, halfToFloat } from './half-float.ts';
import type { ModelConfig } from './model-config.ts';

/**
 * Where a recovery adapter acts in a layer, a low-rank product beside the frozen weights:
 * - `o`: attention output a [.., heads * headDim] -> a A B, added to the attention block's output
 * - `mlp`: normed MLP input x [.., hidden] -> x A B, added to the MLP's output, also where no neuron is left
 * - `down`: LoRA on the down projection (for comparison only; the engine does not run it)
 */
export type AdapterSite = 'o' | 'mlp' | 'down';

/** Sites that the engine runs. */
export type RuntimeSite = Exclude<AdapterSite, 'down'>;

export interface AdapterShape<Site extends AdapterSite = AdapterSite> {
  readonly sites: readonly Site[];
  readonly rank: number;
  /** One [hidden] vector per layer, added with the MLP's output. */
  readonly bias: boolean;
  /**
   * Norm weights of the level's own in place of the model's: every level then has an adapter, the full one too.
   * They cost nothing at run time.
   */
  readonly norms: boolean;
}

/**
 * One level's adapter, flat in the order of {@link adapterLayout}; any scale (alpha / rank) is multiplied into
 * B already.
 */
export type AdapterParameters = Float32Array;

/** Norms that a level may have of its own. */
export type AdapterNorm = 'attentionNorm' | 'mlpNorm' | 'finalNorm';

export interface AdapterEntry {
  /** Of the final norm: the number of layers. */
  readonly layer: number;
  readonly kind: 'a' | 'b' | 'bias' | AdapterNorm;
  /** null for biases and norms. */
  readonly site: AdapterSite | null;
  /** In elements. */
  readonly offset: number;
  /** Row-major: a [in, rank], b [rank, hidden], bias and norms [hidden]. */
  readonly dims: readonly number[];
}

/** What an adapter's matrices depend on. */
export type AdapterDims = Pick<ModelConfig, 'hiddenSize' | 'layers' | 'heads' | 'headDim' | 'ffnSize'>;

/** Features that a site's A reads. */
export function adapterInputSize(config: AdapterDims, site: AdapterSite): number {
  if (site === 'o') return config.heads * config.headDim;
  return site === 'mlp' ? config.hiddenSize : config.ffnSize;
}

/**
 * Where each matrix lies in {@link AdapterParameters}: layer by layer, site by site A and B; then all biases; then all
 * norms, layer by layer, the final one last.
 */
export function adapterLayout(
  config: AdapterDims,
  shape: AdapterShape,
): { readonly total: number; readonly entries: readonly AdapterEntry[] } {
  const entries: AdapterEntry[] = [];
  let total = 0;
  const add = (layer: number, kind: AdapterEntry['kind'], site: AdapterSite | null, dims: number[]): void => {
    entries.push({ layer, kind, site, offset: total, dims });
    total += dims.reduce((product, dim) => product * dim, 1);
  };
  for (let layer = 0; layer < config.layers; layer++)
    for (const site of shape.sites) {
      add(layer, 'a', site, [adapterInputSize(config, site), shape.rank]);
      add(layer, 'b', site, [shape.rank, config.hiddenSize]);
    }
  if (shape.bias)
    for (let layer = 0; layer < config.layers; layer++) add(layer, 'bias', null, [config.hiddenSize]);
  if (shape.norms) {
    for (let layer = 0; layer < config.layers; layer++) {
      add(layer, 'attentionNorm', null, [config.hiddenSize]);
      add(layer, 'mlpNorm', null, [config.hiddenSize]);
    }
    add(config.layers, 'finalNorm', null, [config.hiddenSize]);
  }
  return { total, entries };
}

/** Parameters as the bundle's file holds them: float16, little-endian. */
export function encodeAdapter(parameters: AdapterParameters): Uint8Array {
  const bytes = new Uint8Array(2 * parameters.length);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of parameters.entries()) view.setUint16(2 * i, floatToHalf(value), true);
  return bytes;
}

export function decodeAdapter(bytes: Uint8Array): AdapterParameters {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parameters = new Float32Array(bytes.byteLength / 2);
  // A plain loop: `Float32Array.from` with a function takes ten times as long over these millions.
  for (let i = 0; i < parameters.length; i++) parameters[i] = halfToFloat(view.getUint16(2 * i, true));
  return parameters;
}
