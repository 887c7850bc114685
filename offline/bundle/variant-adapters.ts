import type { BundleRecovery } from '../../core/bundle-manifest.ts';
import type { ModelConfig } from '../../core/model-config.ts';
import { adapterLayout, decodeAdapter, type AdapterParameters } from '../../core/recovery-adapter.ts';
import type { LayerOrder } from '../../core/recipe-blobs.ts';
import type { LayerSmoothing } from '../quantize/smooth-layer.ts';
import type { LearnedRecovery } from '../recipe/loaded-recipe.ts';
import { writeAdapters } from './adapters-file.ts';

/** Attention channels of a smoothing in the bundle's order of KV groups. */
function reorderedOut(config: ModelConfig, smoothing: LayerSmoothing, order: LayerOrder): Float32Array {
  const width = (config.heads / config.kvHeads) * config.headDim;
  const out = new Float32Array(smoothing.attentionOut.length);
  for (const [to, from] of order.kvGroups.entries())
    out.set(smoothing.attentionOut.subarray(from * width, (from + 1) * width), to * width);
  return out;
}

/**
 * Adapters for smoothed weights: what an A reads was divided by the smoothing's factors, so its rows are multiplied with
 * them, and the product is the same; norms of a level's own are divided as the model's are.
 */
export function smoothAdapter(
  config: ModelConfig,
  { about }: Pick<LearnedRecovery, 'about'>,
  parameters: AdapterParameters,
  orders: readonly LayerOrder[],
  smoothings: readonly LayerSmoothing[],
): AdapterParameters {
  const out = parameters.slice();
  for (const { layer, kind, site, offset, dims } of adapterLayout(config, about).entries) {
    const [smoothing, order] = [smoothings[layer], orders[layer]];
    if (smoothing === undefined || order === undefined) continue;
    if (kind === 'attentionNorm' || kind === 'mlpNorm') {
      const factors = kind === 'mlpNorm' ? smoothing.mlpIn : smoothing.attentionIn;
      for (let i = 0; i < factors.length; i++)
        out[offset + i] = (out[offset + i] as number) / (factors[i] as number);
    }
    if (kind !== 'a') continue;
    const factors = site === 'o' ? reorderedOut(config, smoothing, order) : smoothing.mlpIn;
    const [rows = 0, rank = 0] = dims;
    for (let row = 0; row < rows; row++)
      for (let i = offset + row * rank; i < offset + (row + 1) * rank; i++)
        out[i] = (out[i] as number) * (factors[row] as number);
  }
  return out;
}

/** Writes a variant's adapters; without smoothing they are the recipe's, bit for bit. */
export function writeVariantAdapters(
  path: string,
  config: ModelConfig,
  recovery: LearnedRecovery,
  orders: readonly LayerOrder[],
  smoothings: readonly LayerSmoothing[],
): BundleRecovery['levels'] {
  const { about, bytes } = recovery;
  const levels = about.levels.map(({ level, offset, lengthBytes }) => {
    const parameters = decodeAdapter(bytes.subarray(offset, offset + lengthBytes));
    return { level, parameters: smoothAdapter(config, recovery, parameters, orders, smoothings) };
  });
  return writeAdapters(path, config, about, levels);
}
