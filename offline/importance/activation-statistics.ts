import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import type { ModelConfig } from '../../core/model-config.ts';
import { pastKeyName, pastValueName, GRAPH } from '../../core/elastic-graph.ts';
import { writeDecoderGraph, type ActivationKind } from '../graph/decoder-graph.ts';
import { storeDecoder, VARIANT_FORMS } from '../graph/decoder-weights.ts';
import type { GraphBuilder } from '../graph/graph-builder.ts';
import { WeightsFile } from '../graph/weights-file.ts';
import { planSingle } from '../levels/level-plan.ts';
import { reorderModel } from '../levels/reorder.ts';
import type { SourceModel } from '../sources/source-model.ts';
import { identityOrder } from './unit-importance.ts';

/** Size of one activation's channels over all calibration tokens. */
export interface ChannelStatistics {
  /** Mean of the absolute value. */
  readonly meanAbs: Float32Array;
  readonly maxAbs: Float32Array;
}

/** Per layer, per kind of activation. */
export type ActivationStatistics = readonly Readonly<Record<ActivationKind, ChannelStatistics>>[];

const KINDS: readonly ActivationKind[] = ['attention-in', 'attention-out', 'mlp-in', 'mlp-hidden'];

function channels(config: ModelConfig, kind: ActivationKind): number {
  if (kind === 'mlp-hidden') return config.ffnSize;
  return kind === 'attention-out' ? config.heads * config.headDim : config.hiddenSize;
}

function tap(graph: GraphBuilder, width: number, layer: number, kind: ActivationKind, value: string): void {
  const name = `stat.${layer}.${kind}`;
  const size = graph.node('Abs', [value], [`${name}.abs`]);
  graph.node('ReduceSum', [size, graph.ints(0, 1)], [`${name}.sum`], { keepdims: 0 });
  graph.node('ReduceMax', [size], [`${name}.max`], { keepdims: 0, axes: [0, 1] });
  graph.output(`${name}.sum`, 'float32', [width]);
  graph.output(`${name}.max`, 'float32', [width]);
}

/**
 * Runs the uncut f32 model over calibration windows and returns how large each channel gets at the four
 * inputs of products. Uses a temporary f32 copy of the weights on disk.
 *
 * @param onProgress 0..1 within this step; may throw to cancel.
 */
export async function measureActivations(
  model: SourceModel,
  windows: readonly (readonly number[])[],
  onProgress: (fraction: number) => void,
): Promise<ActivationStatistics> {
  const { config } = model;
  const folder = mkdtempSync(join(tmpdir(), 'bungee-calibrate-'));
  try {
    const plan = planSingle(config);
    const file = new WeightsFile(join(folder, 'weights.bin'));
    const weights = storeDecoder(
      file,
      reorderModel(model, identityOrder(config)),
      plan.segments,
      VARIANT_FORMS.f32,
      (layer) => onProgress((0.3 * (layer + 1)) / config.layers),
    );
    file.close();
    const graph = writeDecoderGraph({
      config,
      plan,
      weights,
      catalog: file.catalog,
      weightsFile: 'weights.bin',
      gating: 'zero-row',
      onActivation: (builder, layer, kind, value) => tap(builder, channels(config, kind), layer, kind, value),
    });
    const graphPath = join(folder, 'graph.onnx');
    writeFileSync(graphPath, graph);
    return await runWindows(graphPath, config, windows, (fraction) => onProgress(0.3 + 0.7 * fraction));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runWindows(
  graphPath: string,
  config: ModelConfig,
  windows: readonly (readonly number[])[],
  onProgress: (fraction: number) => void,
): Promise<ActivationStatistics> {
  // Every matrix is used a few times only: packing them would cost more than it gains.
  const session = await ort.InferenceSession.create(graphPath, {
    extra: { session: { disable_prepacking: '1' } },
  });
  try {
    const sums = Array.from({ length: config.layers }, () => emptyStatistics(config));
    const outputs = session.outputNames.filter((name) => name.startsWith('stat.'));
    let tokens = 0;
    for (const [index, window] of windows.entries()) {
      const result = await session.run(promptFeeds(config, window, window.length - 1, 0), outputs);
      for (const [layer, statistics] of sums.entries())
        for (const kind of KINDS) {
          const sum = result[`stat.${layer}.${kind}.sum`]?.data as Float32Array;
          const max = result[`stat.${layer}.${kind}.max`]?.data as Float32Array;
          const { meanAbs, maxAbs } = statistics[kind];
          for (let i = 0; i < sum.length; i++) {
            meanAbs[i] = (meanAbs[i] as number) + (sum[i] as number);
            maxAbs[i] = Math.max(maxAbs[i] as number, max[i] as number);
          }
        }
      tokens += window.length;
      onProgress((index + 1) / windows.length);
    }
    for (const statistics of sums)
      for (const kind of KINDS) {
        const { meanAbs } = statistics[kind];
        for (let i = 0; i < meanAbs.length; i++) meanAbs[i] = (meanAbs[i] as number) / tokens;
      }
    return sums;
  } finally {
    await session.release();
  }
}

function emptyStatistics(config: ModelConfig): Record<ActivationKind, ChannelStatistics> {
  const empty = (kind: ActivationKind): ChannelStatistics => ({
    meanAbs: new Float32Array(channels(config, kind)),
    maxAbs: new Float32Array(channels(config, kind)),
  });
  return {
    'attention-in': empty('attention-in'),
    'attention-out': empty('attention-out'),
    'mlp-in': empty('mlp-in'),
    'mlp-hidden': empty('mlp-hidden'),
  };
}

/** Inputs of a run over `tokens` from an empty cache; `gated` segments all on unless `segmentsOn` says else. */
export function promptFeeds(
  config: ModelConfig,
  tokens: readonly number[],
  logitsStart: number,
  segmentsOn: readonly number[] | number,
): Record<string, ort.Tensor> {
  const on = typeof segmentsOn === 'number' ? Array.from({ length: segmentsOn }, () => 1) : segmentsOn;
  const feeds: Record<string, ort.Tensor> = {
    [GRAPH.inputIds]: new ort.Tensor('int64', BigInt64Array.from(tokens, BigInt), [1, tokens.length]),
    [GRAPH.segmentsOn]: new ort.Tensor('int64', BigInt64Array.from(on, BigInt), [on.length]),
    [GRAPH.seqlensK]: new ort.Tensor('int32', Int32Array.of(tokens.length - 1), [1]),
    [GRAPH.totalLength]: new ort.Tensor('int32', Int32Array.of(tokens.length), []),
    [GRAPH.logitsStart]: new ort.Tensor('int64', BigInt64Array.of(BigInt(logitsStart)), [1]),
  };
  const dims = [1, config.kvHeads, tokens.length, config.headDim];
  const empty = new ort.Tensor(
    'float32',
    new Float32Array(dims.reduce((product, dim) => product * dim, 1)),
    dims,
  );
  for (let layer = 0; layer < config.layers; layer++) {
    feeds[pastKeyName(layer)] = empty;
    feeds[pastValueName(layer)] = empty;
  }
  return feeds;
}
