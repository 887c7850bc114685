import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { adapterLayout, type AdapterParameters, type AdapterShape } from '../../core/recovery-adapter.ts';
import { StaticGraph } from '../differentiate/static-graph.ts';
import { f32Session } from '../graph/offline-session.ts';
import { batchFeeds, type WindowIds } from './batch-feeds.ts';
import { emitDecoderForward } from './decoder-forward.ts';
import type { LayerShape } from './layer-shape.ts';
import { adapterInputs, feedParameters, sharedInputs, type ParameterInput } from './parameter-inputs.ts';
import {
  storedHead,
  storedWeights,
  TRAINING_WEIGHTS_FILE,
  type TrainingWeights,
} from './training-weights.ts';

/** What a forward-only model is made of. */
export interface ForwardModelOptions {
  readonly weights: TrainingWeights;
  readonly layers: readonly LayerShape[];
  readonly adapter: { readonly shape: AdapterShape; readonly parameters: AdapterParameters } | null;
  /** What all levels share, beside the weights; default none. */
  readonly shared?: { readonly rank: number; readonly parameters: Float32Array } | null;
  readonly tokens: number;
  readonly name: string;
}

/** A level in f32, forward only, over windows of a fixed number of tokens: the teacher, controls, baselines. */
export class ForwardModel {
  readonly #options: ForwardModelOptions;
  readonly #session: InferenceSession;
  readonly #inputs: readonly ParameterInput[];
  readonly #sharedInputs: readonly ParameterInput[];

  private constructor(
    options: ForwardModelOptions,
    session: InferenceSession,
    inputs: readonly ParameterInput[],
    shared: readonly ParameterInput[],
  ) {
    this.#options = options;
    this.#session = session;
    this.#inputs = inputs;
    this.#sharedInputs = shared;
  }

  static async open(options: ForwardModelOptions): Promise<ForwardModel> {
    const { weights, layers, tokens, adapter } = options;
    const { config } = weights;
    const graph = StaticGraph.create(weights.catalog, TRAINING_WEIGHTS_FILE);
    const inputs = adapter === null ? [] : adapterInputs(graph, config, layers, adapter.shape);
    const sharedRank = options.shared?.rank ?? 0;
    const shared = sharedInputs(graph, config, layers, sharedRank);
    const { hidden } = emitDecoderForward(graph, storedWeights(graph, weights), {
      config,
      layers,
      batch: 1,
      tokens,
      adapter: adapter?.shape ?? null,
      sharedRank,
      masks: false,
    });
    const head = storedHead(graph, weights);
    const logits = graph.op('FusedMatMul', [hidden, head], { transB: 1 });
    graph.output(graph.op('LogSoftmax', [logits], { axis: -1 }), 'log_probabilities');
    const path = join(weights.folder, `forward-${options.name}.onnx`);
    writeFileSync(path, graph.encode('forward'));
    if (adapter !== null && adapter.parameters.length !== adapterLayout(config, adapter.shape).total)
      throw new RangeError('adapter parameters do not fit their shape');
    const session = await InferenceSession.create(path, f32Session(config, weights.device));
    return new ForwardModel(options, session, inputs, shared);
  }

  /** Log-probabilities of the next token after each position, [tokens, vocabulary]. */
  async logProbabilities(window: WindowIds): Promise<Float32Array> {
    const { tokens, adapter, shared } = this.#options;
    const feeds = {
      ...batchFeeds([window], tokens),
      ...feedParameters(this.#inputs, adapter?.parameters ?? new Float32Array(0)),
      ...feedParameters(this.#sharedInputs, shared?.parameters ?? new Float32Array(0)),
    };
    const results = await this.#session.run(feeds);
    return results['log_probabilities']?.data as Float32Array;
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}
