import { createHash } from 'node:crypto';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import {
  BUNDLE_SCHEMA_VERSION,
  MANIFEST_FILE,
  manifestIdentityText,
  parseManifest,
  type BundleManifest,
  type Variant,
} from '../core/bundle-manifest.ts';
import { FailureError, fail, ok, type Result } from '../core/result.ts';
import { hashFile } from './bundle/hash-file.ts';
import { measureQuality } from './bundle/measure-quality.ts';
import { StagedFolder } from './bundle/staged-folder.ts';
import { writeDecoderGraph } from './graph/decoder-graph.ts';
import { storeDecoder, VARIANT_FORMS } from './graph/decoder-weights.ts';
import { WeightsFile } from './graph/weights-file.ts';
import { activationImportance, blockLosses } from './importance/activation-importance.ts';
import { CalibrationModel, type ActivationStatistics } from './importance/calibration-model.ts';
import { textWindows } from './importance/calibration-text.ts';
import { orderUnits, type UnitImportance, type UnitOrder } from './importance/unit-importance.ts';
import { planLevels, planSingle } from './levels/level-plan.ts';
import { DEFAULT_RANKING, rankCells } from './levels/rank-cells.ts';
import { readLayer, reorderLayer } from './levels/reorder.ts';
import { StageProgress, type OnProgress } from './progress.ts';
import { smoothLayer, type InputRanges } from './quantize/smooth-layer.ts';
import type { LayerTensors, SourceModel } from './sources/source-model.ts';

export interface ElasticizeOptions {
  readonly model: SourceModel;
  /** Folder of the bundle. */
  readonly out: string;
  readonly variant: Variant;
  readonly seed?: number;
  /** MLP cells per layer, default 3. */
  readonly segmentsPerLayer?: number;
  /** One uncut level instead of nine: what segmentation is measured against. */
  readonly single?: boolean;
  /** Calibration and held-out text (see `calibration-text.ts`); null: the project's own pages. */
  readonly dataFolder?: string | null;
  readonly command?: string;
  readonly toolVersion?: string;
}

const FILES = {
  weights: 'weights.bin',
  zeroRow: 'zero-row.onnx',
  conditional: 'conditional.onnx',
  tokenizer: 'tokenizer.json',
} as const;

/** Seconds of each stage for SmolLM2-135M int8 on 2 cores. */
const STAGE_SECONDS = { calibrate: 12, 'write weights': 6, 'measure quality': 10, finish: 1 };

/** Chosen on a slice that is neither calibration nor held-out: docs/decisions/0042-int8-by-smoothing.md. */
const SMOOTHING_STRENGTH = 0.5;

const WINDOW_SIZES = { windowTokens: 256, calibrationWindows: 3, heldOutWindows: 3 };

/**
 * Makes a bundle from an open model: importance, order, levels, quantized weights, graphs, quality per level,
 * manifest. Failures: `cancelled`, `output-taken`, `output-unwritable`. Nothing is left behind by a failure.
 */
export async function elasticize(
  options: ElasticizeOptions,
  onProgress: OnProgress = () => undefined,
  signal?: AbortSignal,
): Promise<Result<BundleManifest>> {
  const staged = StagedFolder.create(options.out);
  if (!staged.ok) return staged;
  const folder = staged.value;
  try {
    const manifest = await fill(folder, options, onProgress, signal);
    folder.commit();
    return ok(manifest);
  } catch (error) {
    folder.discard();
    if (signal?.aborted === true)
      return fail('cancelled', 'Elasticizing was cancelled; nothing was written.');
    if (error instanceof FailureError) return { ok: false, failure: error.failure };
    if (isOutOfSpace(error))
      return fail(
        'disk-full',
        `${options.out}: the disk is full.`,
        'Free some space, or name another folder.',
      );
    throw error;
  }
}

function isOutOfSpace(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOSPC';
}

async function fill(
  folder: StagedFolder,
  options: ElasticizeOptions,
  onProgress: OnProgress,
  signal: AbortSignal | undefined,
): Promise<BundleManifest> {
  const { model, variant } = options;
  const { config } = model;
  const progress = new StageProgress(STAGE_SECONDS, onProgress);
  const step = (stage: keyof typeof STAGE_SECONDS) => (fraction: number) => {
    signal?.throwIfAborted();
    progress.at(stage, fraction);
  };
  const at = (name: string): string => join(folder.path, name);

  const tokenizer = new Tokenizer(JSON.parse(model.tokenizer.json), {});
  const windows = textWindows(tokenizer, options.dataFolder ?? null, WINDOW_SIZES);
  step('calibrate')(0);
  const calibration = await CalibrationModel.open(model, (fraction) => step('calibrate')(0.2 * fraction));
  let statistics: ActivationStatistics;
  let importance: UnitImportance;
  try {
    statistics = await calibration.statistics(windows.calibration, (fraction) =>
      step('calibrate')(0.2 + 0.3 * fraction),
    );
    const losses = await blockLosses(calibration, windows.calibration[0] ?? [], (fraction) =>
      step('calibrate')(0.5 + 0.5 * fraction),
    );
    importance = activationImportance(model, statistics, losses);
  } finally {
    await calibration.close();
  }
  const orders = orderUnits(importance);
  const layer = (index: number): LayerTensors => {
    const tensors = readLayer(model, index);
    const statistic = statistics[index];
    const smooth =
      variant !== 'int8' || statistic === undefined
        ? tensors
        : smoothLayer(config, tensors, inputRanges(statistic), SMOOTHING_STRENGTH);
    return reorderLayer(config, smooth, orders[index] as UnitOrder);
  };
  const ranking = {
    ...DEFAULT_RANKING,
    cellsPerMlp: options.segmentsPerLayer ?? DEFAULT_RANKING.cellsPerMlp,
  };
  const plan =
    options.single === true ? planSingle(config) : planLevels(config, rankCells(config, importance, ranking));

  const file = new WeightsFile(at(FILES.weights));
  const weights = storeDecoder(
    file,
    { config, layer, tensor: model.tensor },
    plan.segments,
    VARIANT_FORMS[variant],
    (layer) => step('write weights')((layer + 1) / config.layers),
  );
  file.finish();
  const graph = { config, plan, weights, catalog: file.catalog, weightsFile: FILES.weights };
  writeFileSync(at(FILES.zeroRow), writeDecoderGraph({ ...graph, gating: 'zero-row' }));
  writeFileSync(at(FILES.conditional), writeDecoderGraph({ ...graph, gating: 'conditional' }));
  writeFileSync(at(FILES.tokenizer), model.tokenizer.json);

  const levels = await measureQuality(
    at(FILES.zeroRow),
    config,
    plan,
    windows.heldOut,
    windows.heldOutName,
    step('measure quality'),
  );
  const files = [];
  for (const path of Object.values(FILES))
    files.push({ path, sizeBytes: statSync(at(path)).size, sha256: await hashFile(at(path), signal) });
  step('finish')(1);

  const content: Omit<BundleManifest, 'bundleId'> = {
    schemaVersion: BUNDLE_SCHEMA_VERSION,
    name: model.name,
    variant,
    model: config,
    tokenizer: {
      file: FILES.tokenizer,
      chatTemplate: model.tokenizer.chatTemplate,
      bosTokenId: model.tokenizer.bosTokenId,
      eosTokenIds: [...model.tokenizer.eosTokenIds],
      addBos: model.tokenizer.addBos,
    },
    graph: {
      zeroRow: FILES.zeroRow,
      conditional: FILES.conditional,
      weights: FILES.weights,
      firstTokenAlone: false,
    },
    segments: plan.segments,
    ranking: plan.ranking,
    alwaysOn: plan.alwaysOn,
    levels,
    files,
    licence: model.licence,
    madeBy: {
      tool: 'bungee elasticize',
      version: options.toolVersion ?? 'unknown',
      command: options.command ?? '',
      source: { name: model.name, sha256: model.sha256, format: model.format },
      importance: importance.method,
      calibration: windows.calibrationName,
      seed: options.seed ?? 0,
    },
  };
  const bundleId = createHash('sha256').update(manifestIdentityText(content)).digest('hex');
  const text = `${JSON.stringify({ ...content, bundleId }, null, 2)}\n`;
  // What was written must be readable; a manifest that is not is a bug of the writer.
  const manifest = parseManifest(text, MANIFEST_FILE);
  if (!manifest.ok) throw new Error(manifest.failure.message);
  writeFileSync(at(MANIFEST_FILE), text);
  return manifest.value;
}

function inputRanges(statistics: ActivationStatistics[number]): InputRanges {
  return {
    attentionIn: statistics['attention-in'].maxAbs,
    attentionOut: statistics['attention-out'].maxAbs,
    mlpIn: statistics['mlp-in'].maxAbs,
    mlpHidden: statistics['mlp-hidden'].maxAbs,
  };
}
