import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BundleRecovery, BundleStaticPrefill, Variant } from '../../core/bundle-manifest.ts';
import type { ModelConfig } from '../../core/model-config.ts';
import type { LayerOrder } from '../../core/recipe-blobs.ts';
import { writeDecoderGraph } from '../graph/decoder-graph.ts';
import { storeDecoder, VARIANT_FORMS } from '../graph/decoder-weights.ts';
import { WeightsFile } from '../graph/weights-file.ts';
import { decodeAdapter } from '../../core/recovery-adapter.ts';
import { downByLayer, recoveredModel } from '../recovery/recovered-model.ts';
import { readLayer, reorderLayer } from '../levels/reorder.ts';
import { applySmoothing, layerSmoothing, type LayerSmoothing } from '../quantize/smooth-layer.ts';
import type { Learned, LearnedRecovery } from '../recipe/loaded-recipe.ts';
import type { LayerTensors, SourceModel } from '../sources/source-model.ts';
import { writeBundleTlm } from '../tlm/bundle-graph.ts';
import { decodeTlm } from '../tlm/tlm-parameters.ts';
import { writeStaticGraphs } from './static-graphs.ts';
import { writeVariantAdapters } from './variant-adapters.ts';

/** Names of a bundle's files. */
export const BUNDLE_FILES = {
  weights: 'weights.bin',
  zeroRow: 'zero-row.onnx',
  conditional: 'conditional.onnx',
  tokenizer: 'tokenizer.json',
  adapters: 'adapters.bin',
  tlmGraph: 'tlm.onnx',
  tlmWeights: 'tlm.bin',
} as const;

/** What a bundle's content is made from: the base weights, and what was learned of them. */
export interface BundleInputs {
  readonly model: SourceModel;
  readonly learned: Learned;
  readonly variant: Variant;
}

/** What the manifest tells of files that not every bundle has. */
export interface BundleParts {
  readonly recovery: BundleRecovery | null;
  readonly staticPrefill: BundleStaticPrefill;
}

/**
 * Writes weights, graphs, tokenizer, adapters and the TLM into a folder; the bytes depend on nothing but the inputs.
 *
 * @param onFraction 0..1; may throw to cancel.
 */
export function writeBundleContent(
  folder: string,
  { model: base, learned, variant }: BundleInputs,
  onFraction: (fraction: number) => void,
): BundleParts {
  const { config } = base;
  const { plan, orders, recovery } = learned;
  const model = withSharedChange(base, learned);
  const at = (name: string): string => join(folder, name);
  const smoothings: LayerSmoothing[] = [];
  const layer = (index: number): LayerTensors => {
    const tensors = readLayer(model, index);
    const order = orders[index] as LayerOrder;
    const ranges = learned.ranges[index];
    if (variant !== 'int8' || ranges === undefined) return reorderLayer(config, tensors, order);
    const smoothing = layerSmoothing(config, tensors, ranges, learned.smoothing);
    smoothings[index] = smoothing;
    return reorderLayer(config, applySmoothing(config, tensors, smoothing), order);
  };
  const file = new WeightsFile(at(BUNDLE_FILES.weights));
  const layered = { config, layer, tensor: model.tensor };
  const weights = storeDecoder(file, layered, plan.segments, VARIANT_FORMS[variant], (index) =>
    onFraction((index + 1) / config.layers),
  );
  file.finish();
  const adapter = recovery === null ? null : recovery.about;
  const graph = { config, plan, weights, catalog: file.catalog, weightsFile: BUNDLE_FILES.weights, adapter };
  writeFileSync(at(BUNDLE_FILES.zeroRow), writeDecoderGraph({ ...graph, gating: 'zero-row' }));
  writeFileSync(at(BUNDLE_FILES.conditional), writeDecoderGraph({ ...graph, gating: 'conditional' }));
  writeFileSync(at(BUNDLE_FILES.tokenizer), model.tokenizer.json);
  if (learned.tlm !== null)
    writeBundleTlm(
      folder,
      { graph: BUNDLE_FILES.tlmGraph, weights: BUNDLE_FILES.tlmWeights },
      learned.tlm.about.config,
      decodeTlm(learned.tlm.bytes),
      { catalog: file.catalog, weightsFile: BUNDLE_FILES.weights, inputSize: config.hiddenSize },
    );
  const written =
    recovery === null ? null : writeRecovery(at(BUNDLE_FILES.adapters), config, recovery, orders, smoothings);
  return {
    recovery: written,
    staticPrefill: writeStaticGraphs(folder, plan.levels, { ...graph, recovery: written }),
  };
}

/** The model with what all its levels share of their recovery, if anything. */
function withSharedChange(model: SourceModel, { orders, recovery }: Learned): SourceModel {
  const shared = recovery?.shared ?? null;
  if (shared === null) return model;
  return recoveredModel(model, orders, {
    down: downByLayer(shared.down, model.config),
    lowRank: { rank: shared.rank, parameters: decodeAdapter(shared.lowRank) },
  });
}

function writeRecovery(
  path: string,
  config: ModelConfig,
  recovery: LearnedRecovery,
  orders: readonly LayerOrder[],
  smoothings: readonly LayerSmoothing[],
): BundleRecovery {
  const { sites, rank, bias, norms, method } = recovery.about;
  return {
    file: BUNDLE_FILES.adapters,
    elementType: 'float16',
    sites,
    rank,
    bias,
    norms,
    levels: writeVariantAdapters(path, config, recovery, orders, smoothings),
    method,
  };
}
