import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import type { Segment } from '../../core/bundle-manifest.ts';
import { GRAPH } from '../../core/elastic-graph.ts';
import type { ModelConfig } from '../../core/model-config.ts';
import { writeDecoderGraph, type ActivationKind } from '../graph/decoder-graph.ts';
import { storeDecoder, VARIANT_FORMS } from '../graph/decoder-weights.ts';
import type { GraphBuilder } from '../graph/graph-builder.ts';
import { promptFeeds } from '../graph/model-feeds.ts';
import { f32Session } from '../graph/offline-session.ts';
import { WeightsFile } from '../graph/weights-file.ts';
import { planSingle } from '../levels/level-plan.ts';
import { readLayer } from '../levels/reorder.ts';
import type { SourceModel } from '../sources/source-model.ts';

/** Size of one activation's channels over all calibration tokens. */
export interface ChannelStatistics {
  /** Root of the mean square. */
  readonly rms: Float32Array;
  readonly maxAbs: Float32Array;
}

/** Per layer, per kind of activation. */
export type ActivationStatistics = readonly Readonly<Record<ActivationKind, ChannelStatistics>>[];

/** Factors on a layer's MLP neurons [ffnSize] and attention channels [heads * headDim]; all 1 = untouched. */
export interface LayerMask {
  readonly neurons: Float32Array;
  readonly attention: Float32Array;
}

const KINDS: readonly ActivationKind[] = ['attention-in', 'attention-out', 'mlp-in', 'mlp-hidden'];

function channels(config: ModelConfig, kind: ActivationKind): number {
  if (kind === 'mlp-hidden') return config.ffnSize;
  return kind === 'attention-out' ? config.heads * config.headDim : config.hiddenSize;
}

const statisticName = (layer: number, kind: ActivationKind, what: 'squares' | 'max'): string =>
  `stat.${layer}.${kind}.${what}`;
const maskName = (layer: number, kind: ActivationKind): string => `mask.${layer}.${kind}`;

/** Adds statistics outputs and, where units can be masked, a mask. */
function instrument(
  graph: GraphBuilder,
  config: ModelConfig,
  layer: number,
  kind: ActivationKind,
  value: string,
): string {
  const width = channels(config, kind);
  const squares = statisticName(layer, kind, 'squares');
  const max = statisticName(layer, kind, 'max');
  graph.node('ReduceSumSquare', [value], [squares], { keepdims: 0, axes: [0, 1] });
  graph.node('ReduceMax', [graph.node('Abs', [value], [`${max}.abs`])], [max], { keepdims: 0, axes: [0, 1] });
  graph.output(squares, 'float32', [width]);
  graph.output(max, 'float32', [width]);
  if (kind === 'attention-in' || kind === 'mlp-in') return value;
  const mask = graph.input(maskName(layer, kind), 'float32', [width]);
  return graph.node('Mul', [value, mask], [`${value}.masked`]);
}

/**
 * The uncut f32 model as calibration needs it: how large each channel of the products' inputs gets, and what
 * the model says when units are masked. Keeps a temporary f32 copy of the weights on disk until closed.
 */
export class CalibrationModel {
  readonly config: ModelConfig;
  readonly #folder: string;
  readonly #session: ort.InferenceSession;
  readonly #segments: readonly Segment[];
  readonly #unmasked: readonly LayerMask[];

  private constructor(config: ModelConfig, folder: string, session: ort.InferenceSession) {
    this.config = config;
    this.#folder = folder;
    this.#session = session;
    this.#segments = planSingle(config).segments;
    this.#unmasked = Array.from({ length: config.layers }, () => fullMask(config));
  }

  /**
   * @param onProgress 0..1; may throw to cancel.
   * @param parent where the temporary copy goes.
   */
  static async open(
    model: SourceModel,
    onProgress: (fraction: number) => void,
    parent = tmpdir(),
  ): Promise<CalibrationModel> {
    const { config } = model;
    const folder = mkdtempSync(join(parent, 'bungee-calibrate-'));
    try {
      const plan = planSingle(config);
      const file = new WeightsFile(join(folder, 'weights.bin'));
      const layered = { config, tensor: model.tensor, layer: (layer: number) => readLayer(model, layer) };
      const weights = storeDecoder(file, layered, plan.segments, VARIANT_FORMS.f32, (layer) =>
        onProgress((layer + 1) / config.layers),
      );
      file.close();
      const graph = writeDecoderGraph({
        config,
        plan,
        weights,
        catalog: file.catalog,
        weightsFile: 'weights.bin',
        gating: 'zero-row',
        onActivation: (builder, layer, kind, value) => instrument(builder, config, layer, kind, value),
      });
      const graphPath = join(folder, 'graph.onnx');
      writeFileSync(graphPath, graph);
      return new CalibrationModel(
        config,
        folder,
        await ort.InferenceSession.create(graphPath, f32Session(config, 'cpu')),
      );
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** @param onProgress 0..1; may throw to cancel. */
  async statistics(
    windows: readonly (readonly number[])[],
    onProgress: (fraction: number) => void,
  ): Promise<ActivationStatistics> {
    const { config } = this;
    const all = Array.from({ length: config.layers }, () => emptyStatistics(config));
    const outputs = this.#session.outputNames.filter((name) => name.startsWith('stat.'));
    let tokens = 0;
    for (const [index, window] of windows.entries()) {
      const result = await this.#session.run(this.#feeds(window, window.length - 1, this.#unmasked), outputs);
      for (const [layer, statistics] of all.entries())
        for (const kind of KINDS) {
          const squares = result[statisticName(layer, kind, 'squares')]?.data as Float32Array;
          const max = result[statisticName(layer, kind, 'max')]?.data as Float32Array;
          const { rms, maxAbs } = statistics[kind];
          for (let i = 0; i < rms.length; i++) {
            rms[i] = (rms[i] as number) + (squares[i] as number);
            maxAbs[i] = Math.max(maxAbs[i] as number, max[i] as number);
          }
        }
      tokens += window.length;
      onProgress((index + 1) / windows.length);
    }
    for (const statistics of all)
      for (const kind of KINDS) {
        const { rms } = statistics[kind];
        for (let i = 0; i < rms.length; i++) rms[i] = Math.sqrt((rms[i] as number) / tokens);
      }
    return all;
  }

  /** Logits [window - from, vocabulary] with masked layers; layers without a mask are untouched. */
  async logits(
    window: readonly number[],
    from: number,
    masks: ReadonlyMap<number, LayerMask>,
  ): Promise<Float32Array> {
    const all = this.#unmasked.map((mask, layer) => masks.get(layer) ?? mask);
    const result = await this.#session.run(this.#feeds(window, from, all), [GRAPH.logits]);
    return result[GRAPH.logits]?.data as Float32Array;
  }

  async close(): Promise<void> {
    await this.#session.release();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #feeds(
    window: readonly number[],
    logitsStart: number,
    masks: readonly LayerMask[],
  ): Record<string, ort.Tensor> {
    const feeds = promptFeeds(this.config, this.#segments, window, logitsStart, []);
    for (const [layer, { neurons, attention }] of masks.entries()) {
      feeds[maskName(layer, 'mlp-hidden')] = new ort.Tensor('float32', neurons, [neurons.length]);
      feeds[maskName(layer, 'attention-out')] = new ort.Tensor('float32', attention, [attention.length]);
    }
    return feeds;
  }
}

/** A mask that leaves a layer as it is. */
export function fullMask(config: ModelConfig): LayerMask {
  return {
    neurons: new Float32Array(config.ffnSize).fill(1),
    attention: new Float32Array(config.heads * config.headDim).fill(1),
  };
}

function emptyStatistics(config: ModelConfig): Record<ActivationKind, ChannelStatistics> {
  const empty = (kind: ActivationKind): ChannelStatistics => ({
    rms: new Float32Array(channels(config, kind)),
    maxAbs: new Float32Array(channels(config, kind)),
  });
  return {
    'attention-in': empty('attention-in'),
    'attention-out': empty('attention-out'),
    'mlp-in': empty('mlp-in'),
    'mlp-hidden': empty('mlp-hidden'),
  };
}
