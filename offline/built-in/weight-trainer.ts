import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { ModelConfig } from '../../core/model-config.ts';
import { differentiate } from '../differentiate/differentiate.ts';
import { StaticGraph } from '../differentiate/static-graph.ts';
import { OFFLINE_SESSION } from '../graph/model-feeds.ts';
import { WEIGHTS } from '../sources/source-model.ts';
import { batchFeeds } from '../training/batch-feeds.ts';
import { emitDecoderForward } from '../training/decoder-forward.ts';
import { fullShape } from '../training/layer-shape.ts';
import { emitLoss, LOSS_INPUT } from '../training/loss.ts';
import { parameterLayout, parameterView } from './parameters.ts';
import type { TokenWindow } from './token-windows.ts';

/** Size of what one run of the graph takes. */
export interface BatchShape {
  readonly batch: number;
  readonly tokens: number;
}

/** Next-token loss of a whole model and the gradient of every weight; the weights are inputs. */
export class WeightTrainer {
  readonly #config: ModelConfig;
  readonly #shape: BatchShape;
  readonly #session: InferenceSession;

  private constructor(config: ModelConfig, shape: BatchShape, session: InferenceSession) {
    this.#config = config;
    this.#shape = shape;
    this.#session = session;
  }

  /** @param threads of ONNX Runtime; one gives the same sums in every run. */
  static async open(config: ModelConfig, shape: BatchShape, threads: number): Promise<WeightTrainer> {
    const graph = StaticGraph.create(new Map(), '');
    const { entries } = parameterLayout(config);
    const inputs = new Map(
      entries.map(({ name, dims }) => [name, graph.input(inputName(name), 'float32', dims)]),
    );
    const weight = (name: string): string => {
      const input = inputs.get(name);
      if (input === undefined) throw new RangeError(`no trained weight ${name}`);
      return input;
    };
    const { hidden } = emitDecoderForward(
      graph,
      { whole: weight, part: (layer, matrix) => weight(`${layer}.${matrix}`) },
      { config, layers: fullShape(config), ...shape, adapter: null, masks: false },
    );
    const loss = emitLoss(graph, hidden, weight(WEIGHTS.embedding), 0);
    const gradients = differentiate(graph, loss, [...inputs.values()]);
    const flat = [...inputs.values()].map((input) =>
      graph.op('Reshape', [gradients.get(input) ?? '', graph.ints(-1)]),
    );
    graph.output(loss, 'loss');
    graph.output(graph.op('Concat', flat, { axis: 0 }), 'gradient');
    const session = await InferenceSession.create(graph.encode('weight-training'), {
      ...OFFLINE_SESSION,
      intraOpNumThreads: threads,
    });
    return new WeightTrainer(config, shape, session);
  }

  /** Mean loss per predicted token, nats, and its gradient in the layout of the parameters. */
  async gradient(
    windows: readonly TokenWindow[],
    parameters: Float32Array,
  ): Promise<{ loss: number; gradient: Float32Array }> {
    const { loss, gradient } = await this.#session.run(this.#feeds(windows, parameters));
    return { loss: scalar(loss), gradient: gradient?.data as Float32Array };
  }

  /** Mean loss per predicted token, nats. */
  async loss(windows: readonly TokenWindow[], parameters: Float32Array): Promise<number> {
    return scalar((await this.#session.run(this.#feeds(windows, parameters), ['loss']))['loss']);
  }

  async close(): Promise<void> {
    await this.#session.release();
  }

  #feeds(windows: readonly TokenWindow[], parameters: Float32Array): Record<string, Tensor> {
    const { batch, tokens } = this.#shape;
    if (windows.length !== batch) throw new RangeError(`${windows.length} windows, not ${batch}`);
    const feeds = batchFeeds(windows, tokens);
    const targets = new BigInt64Array(batch * tokens);
    const weights = new Float32Array(batch * tokens);
    for (const [row, { ids, lossWeights }] of windows.entries())
      for (let i = 0; i < tokens; i++) {
        targets[row * tokens + i] = BigInt(ids[i + 1] ?? 0);
        weights[row * tokens + i] = lossWeights[i] as number;
      }
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    feeds[LOSS_INPUT.targets] = new Tensor('int64', targets, [batch * tokens, 1]);
    feeds[LOSS_INPUT.targetWeights] = new Tensor(
      'float32',
      weights.map((weight) => weight / total),
      [batch * tokens, 1],
    );
    for (const entry of parameterLayout(this.#config).entries)
      feeds[inputName(entry.name)] = new Tensor('float32', parameterView(parameters, entry), entry.dims);
    return feeds;
  }
}

function inputName(name: string): string {
  return `weight.${name}`;
}

function scalar(value: Tensor | undefined): number {
  return (value?.data as Float32Array)[0] as number;
}
