import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { AdapterParameters, AdapterShape } from '../../core/recovery-adapter.ts';
import { differentiate } from '../differentiate/differentiate.ts';
import { StaticGraph } from '../differentiate/static-graph.ts';
import { f32Session } from '../graph/offline-session.ts';
import { WEIGHTS } from '../sources/source-model.ts';
import { batchFeeds, type WindowIds } from './batch-feeds.ts';
import { adapterInputs, emitDecoderForward, type AdapterInput } from './decoder-forward.ts';
import type { LayerShape } from './layer-shape.ts';
import { emitLoss, LOSS_INPUT } from './loss.ts';
import { storedWeights, TRAINING_WEIGHTS_FILE, type TrainingWeights } from './training-weights.ts';

/** Soft targets of a batch; N = batch * tokens, K = candidates (see {@link LOSS_INPUT}). */
export interface BatchTargets {
  /** [N, K + 1] */
  readonly targets: BigInt64Array;
  /** [N, K + 1] */
  readonly weights: Float32Array;
  /** [N] */
  readonly restWeights: Float32Array;
}

export interface AdapterTrainerOptions {
  readonly weights: TrainingWeights;
  /** The level's shape, one entry per layer. */
  readonly layers: readonly LayerShape[];
  readonly adapter: AdapterShape;
  readonly batch: number;
  readonly tokens: number;
  /** Teacher tokens per position, K. */
  readonly candidates: number;
  /** For the graph's file name. */
  readonly name: string;
}

/** Loss and gradient of one level's adapter; the level's weights stay as they are. */
export class AdapterTrainer {
  readonly #options: AdapterTrainerOptions;
  readonly #session: InferenceSession;
  readonly #inputs: readonly AdapterInput[];

  private constructor(
    options: AdapterTrainerOptions,
    session: InferenceSession,
    inputs: readonly AdapterInput[],
  ) {
    this.#options = options;
    this.#session = session;
    this.#inputs = inputs;
  }

  static async open(options: AdapterTrainerOptions): Promise<AdapterTrainer> {
    const { weights, layers, adapter, batch, tokens } = options;
    const { config } = weights;
    const graph = StaticGraph.create(weights.catalog, TRAINING_WEIGHTS_FILE);
    const inputs = adapterInputs(graph, config, layers, adapter);
    const forward = emitDecoderForward(graph, storedWeights(graph, weights), {
      config,
      layers,
      batch,
      tokens,
      adapter,
      masks: false,
    });
    const head = graph.weight(config.tiedEmbedding ? WEIGHTS.embedding : WEIGHTS.head);
    const loss = emitLoss(graph, forward.hidden, head, options.candidates);
    const gradients = differentiate(
      graph,
      loss,
      inputs.map(({ name }) => name),
    );
    const flat = inputs.map(({ name }) => graph.op('Reshape', [gradients.get(name) ?? '', graph.ints(-1)]));
    graph.output(loss, 'loss');
    graph.output(graph.op('Concat', flat, { axis: 0 }), 'gradient');
    const path = join(weights.folder, `train-${options.name}.onnx`);
    writeFileSync(path, graph.encode('adapter-training'));
    return new AdapterTrainer(options, await InferenceSession.create(path, f32Session(config)), inputs);
  }

  /** Loss of a batch and its gradient in the layout of the flat parameters. */
  async gradient(
    windows: readonly WindowIds[],
    targets: BatchTargets,
    parameters: AdapterParameters,
  ): Promise<{ loss: number; gradient: Float32Array }> {
    const { loss, gradient: packed } = await this.#run(windows, targets, parameters, ['loss', 'gradient']);
    const gradient = new Float32Array(parameters.length);
    let at = 0;
    for (const { offset, dims } of this.#inputs) {
      const size = dims.reduce((product, dim) => product * dim, 1);
      gradient.set((packed as Float32Array).subarray(at, at + size), offset);
      at += size;
    }
    return { loss, gradient };
  }

  /** Loss only. */
  async loss(
    windows: readonly WindowIds[],
    targets: BatchTargets,
    parameters: AdapterParameters,
  ): Promise<number> {
    return (await this.#run(windows, targets, parameters, ['loss'])).loss;
  }

  async close(): Promise<void> {
    await this.#session.release();
  }

  async #run(
    windows: readonly WindowIds[],
    { targets, weights, restWeights }: BatchTargets,
    parameters: AdapterParameters,
    outputs: readonly string[],
  ): Promise<{ loss: number; gradient: Float32Array | null }> {
    const { tokens, candidates } = this.#options;
    const rows = windows.length * tokens;
    const feeds = batchFeeds(windows, tokens);
    feeds[LOSS_INPUT.targets] = new Tensor('int64', targets, [rows, candidates + 1]);
    feeds[LOSS_INPUT.targetWeights] = new Tensor('float32', weights, [rows, candidates + 1]);
    if (candidates > 0) feeds[LOSS_INPUT.restWeights] = new Tensor('float32', restWeights, [rows, 1]);
    for (const { name, offset, dims } of this.#inputs) {
      const size = dims.reduce((product, dim) => product * dim, 1);
      feeds[name] = new Tensor('float32', parameters.subarray(offset, offset + size), dims);
    }
    const results = await this.#session.run(feeds, outputs);
    const loss = (results['loss']?.data as Float32Array)[0] as number;
    return { loss, gradient: (results['gradient']?.data as Float32Array | undefined) ?? null };
  }
}
