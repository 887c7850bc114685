import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { AdapterParameters, AdapterShape } from '../../core/recovery-adapter.ts';
import { differentiate } from '../differentiate/differentiate.ts';
import { StaticGraph } from '../differentiate/static-graph.ts';
import { f32Session } from '../graph/offline-session.ts';
import { batchFeeds, type WindowIds } from './batch-feeds.ts';
import { emitDecoderForward } from './decoder-forward.ts';
import type { LayerShape } from './layer-shape.ts';
import { emitLoss, LOSS_INPUT } from './loss.ts';
import type { SampledVocabulary } from './sampled-vocabulary.ts';
import {
  adapterInputs,
  feedParameters,
  inputSize,
  sharedInputs,
  type ParameterInput,
} from './parameter-inputs.ts';
import {
  storedHead,
  storedWeights,
  TRAINING_WEIGHTS_FILE,
  type TrainingWeights,
} from './training-weights.ts';

/** Soft targets of a batch; N = batch * tokens, K = candidates (see {@link LOSS_INPUT}). */
export interface BatchTargets {
  /** [N, K + 1]: tokens, or places in `vocabulary` where that is given */
  readonly targets: BigInt64Array;
  /** [N, K + 1] */
  readonly weights: Float32Array;
  /** [N] */
  readonly restWeights: Float32Array;
  /** Part of the vocabulary that the loss is taken over; null = all of it. */
  readonly vocabulary: SampledVocabulary | null;
}

export interface LevelTrainerOptions {
  readonly weights: TrainingWeights;
  /** The level's shape, one entry per layer. */
  readonly layers: readonly LayerShape[];
  readonly adapter: AdapterShape;
  /** Rank of the change that all levels share; 0 = none is trained. */
  readonly sharedRank: number;
  readonly batch: number;
  readonly tokens: number;
  /** Teacher tokens per position, K. */
  readonly candidates: number;
  /** Tokens of the vocabulary that the loss is taken over; null = all. */
  readonly sampledTokens: number | null;
  /** For the graph's file name. */
  readonly name: string;
}

/** What is trained of a level: its adapter, and what all levels share (no elements where nothing is shared). */
export interface LevelParameters {
  readonly adapter: AdapterParameters;
  /** In the layout of {@link sharedLayout}. */
  readonly shared: Float32Array;
}

/** Loss and gradient of one level: of its adapter, and of what it shares with the others. The weights stay as they are. */
export class LevelTrainer {
  readonly #options: LevelTrainerOptions;
  readonly #session: InferenceSession;
  readonly #adapter: readonly ParameterInput[];
  readonly #shared: readonly ParameterInput[];

  private constructor(
    options: LevelTrainerOptions,
    session: InferenceSession,
    adapter: readonly ParameterInput[],
    shared: readonly ParameterInput[],
  ) {
    this.#options = options;
    this.#session = session;
    this.#adapter = adapter;
    this.#shared = shared;
  }

  static async open(options: LevelTrainerOptions): Promise<LevelTrainer> {
    const { weights, layers, adapter, batch, tokens, sharedRank } = options;
    const { config } = weights;
    const graph = StaticGraph.create(weights.catalog, TRAINING_WEIGHTS_FILE);
    const adapterPieces = adapterInputs(graph, config, layers, adapter);
    const sharedPieces = sharedInputs(graph, config, layers, sharedRank);
    const forward = emitDecoderForward(graph, storedWeights(graph, weights), {
      config,
      layers,
      batch,
      tokens,
      adapter,
      sharedRank,
      masks: false,
    });
    const head = storedHead(graph, weights);
    const loss = emitLoss(graph, forward.hidden, head, options.candidates, options.sampledTokens);
    const pieces = [...adapterPieces, ...sharedPieces];
    const gradients = differentiate(
      graph,
      loss,
      pieces.map(({ name }) => name),
    );
    const flat = pieces.map(({ name }) => graph.op('Reshape', [gradients.get(name) ?? '', graph.ints(-1)]));
    graph.output(loss, 'loss');
    graph.output(graph.op('Concat', flat, { axis: 0 }), 'gradient');
    const path = join(weights.folder, `train-${options.name}.onnx`);
    writeFileSync(path, graph.encode('level-training'));
    // All levels' trainers are open at a time: with arenas they keep what each needs at most (19 GB for SmolLM2-135M in
    // place of 7), and a step takes a fifth longer.
    const session = await InferenceSession.create(path, {
      ...f32Session(config, weights.device),
      enableCpuMemArena: false,
    });
    return new LevelTrainer(options, session, adapterPieces, sharedPieces);
  }

  /** Loss of a batch and its gradient, laid out as the parameters are; 0 for units that the level does not have. */
  async gradient(
    windows: readonly WindowIds[],
    targets: BatchTargets,
    parameters: LevelParameters,
  ): Promise<{ loss: number; gradient: LevelParameters }> {
    const { loss, gradient: packed } = await this.#run(windows, targets, parameters, ['loss', 'gradient']);
    const gradient = {
      adapter: new Float32Array(parameters.adapter.length),
      shared: new Float32Array(parameters.shared.length),
    };
    let at = 0;
    for (const [pieces, into] of [
      [this.#adapter, gradient.adapter],
      [this.#shared, gradient.shared],
    ] as const)
      for (const piece of pieces) {
        const size = inputSize(piece);
        into.set((packed as Float32Array).subarray(at, at + size), piece.offset);
        at += size;
      }
    return { loss, gradient };
  }

  /** Loss only. */
  async loss(
    windows: readonly WindowIds[],
    targets: BatchTargets,
    parameters: LevelParameters,
  ): Promise<number> {
    return (await this.#run(windows, targets, parameters, ['loss'])).loss;
  }

  async close(): Promise<void> {
    await this.#session.release();
  }

  async #run(
    windows: readonly WindowIds[],
    { targets, weights, restWeights, vocabulary }: BatchTargets,
    parameters: LevelParameters,
    outputs: readonly string[],
  ): Promise<{ loss: number; gradient: Float32Array | null }> {
    const { tokens, candidates, sampledTokens } = this.#options;
    const rows = windows.length * tokens;
    const feeds = {
      ...batchFeeds(windows, tokens),
      ...feedParameters(this.#adapter, parameters.adapter),
      ...feedParameters(this.#shared, parameters.shared),
    };
    feeds[LOSS_INPUT.targets] = new Tensor('int64', targets, [rows, candidates + 1]);
    feeds[LOSS_INPUT.targetWeights] = new Tensor('float32', weights, [rows, candidates + 1]);
    if (candidates > 0) feeds[LOSS_INPUT.restWeights] = new Tensor('float32', restWeights, [rows, 1]);
    if ((vocabulary === null) !== (sampledTokens === null))
      throw new RangeError('the targets are for another vocabulary than the graph');
    if (vocabulary !== null) {
      const dims = [vocabulary.tokens.length];
      feeds[LOSS_INPUT.vocabulary] = new Tensor('int64', vocabulary.tokens, dims);
      feeds[LOSS_INPUT.vocabularyBias] = new Tensor('float32', vocabulary.bias, dims);
    }
    const results = await this.#session.run(feeds, outputs);
    const loss = (results['loss']?.data as Float32Array)[0] as number;
    return { loss, gradient: (results['gradient']?.data as Float32Array | undefined) ?? null };
  }
}
