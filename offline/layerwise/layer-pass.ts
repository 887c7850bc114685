import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { StaticGraph } from '../differentiate/static-graph.ts';
import { f32Session } from '../graph/offline-session.ts';
import { emitAttentionForward, rotaryConstants } from '../training/attention-forward.ts';
import { batchFeeds, type WindowIds } from '../training/batch-feeds.ts';
import { INPUT, type ForwardOptions } from '../training/decoder-forward.ts';
import type { LayerShape } from '../training/layer-shape.ts';
import { emitMlpHidden } from '../training/mlp-forward.ts';
import { storedWeights, TRAINING_WEIGHTS_FILE, type TrainingWeights } from '../training/training-weights.ts';

/** What a batch tells of a layer's hidden values; n neurons are on. Rows count by their weight. */
export interface HiddenStatistics {
  /** [n, n]: hidden^T · hidden */
  readonly gram: Float32Array;
  /** [n] */
  readonly hiddenSum: Float32Array;
}

/** And what it tells of what the layer misses. */
export interface MissingStatistics {
  /** [n, hidden]: hidden^T · missing */
  readonly cross: Float32Array;
  /** [hidden] */
  readonly missingSum: Float32Array;
}

export interface LayerPassOptions {
  readonly weights: TrainingWeights;
  readonly layer: number;
  readonly shape: LayerShape;
  /** Windows of a run. */
  readonly batch: number;
  readonly tokens: number;
  /** `hidden`: {@link LayerPass.hiddenStatistics} is wanted; `missing`: {@link LayerPass.missingStatistics}. */
  readonly statistics: 'none' | 'hidden' | 'missing';
}

const IO = {
  stream: 'stream',
  target: 'target',
  weight: 'row_weight',
  down: 'down',
  bias: 'bias',
  middle: 'middle',
  after: 'after',
} as const;

function forwardOptions({ weights, layer, shape, batch, tokens }: LayerPassOptions): ForwardOptions {
  const layers = Array.from({ length: weights.config.layers }, (_, i) =>
    i === layer ? shape : { kvGroups: 0, neurons: 0 },
  );
  return { config: weights.config, layers, batch, tokens, adapter: null, masks: false };
}

/** The stream behind a layer's attention, [N, hidden]; the stream itself where none is on. */
function emitMiddle(graph: StaticGraph, options: LayerPassOptions): string {
  const { weights, layer, shape, batch, tokens } = options;
  const x = graph.input(IO.stream, 'float32', [batch * tokens, weights.config.hiddenSize]);
  if (shape.kvGroups === 0) return graph.op('Mul', [x, graph.floats(1)]);
  graph.input(INPUT.attentionBias, 'float32', [batch, 1, 1, tokens, tokens]);
  const rotary = rotaryConstants(graph, weights.config, tokens);
  const stored = storedWeights(graph, weights);
  const update = emitAttentionForward(graph, stored, forwardOptions(options), rotary, layer, x);
  return graph.op('Add', [x, update]);
}

/** Outputs of statistics for the stream behind the attention; with those of the hidden values also that behind the layer. */
function emitStatistics(graph: StaticGraph, options: LayerPassOptions, middle: string): void {
  const { weights, layer, shape, batch, tokens } = options;
  const rows = batch * tokens;
  const d = weights.config.hiddenSize;
  const ofMissing = options.statistics === 'missing';
  const weight = graph.input(IO.weight, 'float32', [rows, 1]);
  let after = middle;
  let weighted = '';
  if (shape.neurons > 0) {
    const stored = storedWeights(graph, weights);
    const hidden = emitMlpHidden(graph, stored, forwardOptions(options), layer, middle);
    after = graph.op('Add', [middle, graph.op('MatMul', [hidden, stored.part(layer, 'down', shape)])]);
    weighted = graph.op('Mul', [hidden, weight]);
    graph.output(graph.op('FusedMatMul', [weighted, hidden], { transA: 1 }), 'gram');
    graph.output(graph.op('ReduceSum', [weighted, graph.ints(0)], { keepdims: 0 }), 'hidden_sum');
  }
  if (!ofMissing) {
    graph.output(after, IO.after);
    return;
  }
  const missing = graph.op('Sub', [graph.input(IO.target, 'float32', [rows, d]), after]);
  if (weighted !== '') graph.output(graph.op('FusedMatMul', [weighted, missing], { transA: 1 }), 'cross');
  const weightedMissing = graph.op('Mul', [missing, weight]);
  graph.output(graph.op('ReduceSum', [weightedMissing, graph.ints(0)], { keepdims: 0 }), 'missing_sum');
}

async function openSession(
  graph: StaticGraph,
  { weights }: LayerPassOptions,
  name: string,
): Promise<InferenceSession> {
  const path = join(weights.folder, `${name}.onnx`);
  writeFileSync(path, graph.encode(name));
  return InferenceSession.create(path, f32Session(weights.config, weights.device));
}

/** One layer of one level over whole batches of windows, in two steps: up to the MLP's hidden values, and behind them. */
export class LayerPass {
  readonly #options: LayerPassOptions;
  readonly #first: InferenceSession;
  readonly #second: InferenceSession;

  private constructor(options: LayerPassOptions, first: InferenceSession, second: InferenceSession) {
    this.#options = options;
    this.#first = first;
    this.#second = second;
  }

  static async open(options: LayerPassOptions): Promise<LayerPass> {
    const { weights, layer, shape, batch, tokens } = options;
    const { hiddenSize: d } = weights.config;
    const rows = batch * tokens;
    const first = StaticGraph.create(weights.catalog, TRAINING_WEIGHTS_FILE);
    const middle = emitMiddle(first, options);
    if (options.statistics !== 'none') emitStatistics(first, options, middle);
    first.output(middle, IO.middle);

    const second = StaticGraph.create(weights.catalog, TRAINING_WEIGHTS_FILE);
    const from = second.input(IO.middle, 'float32', [rows, d]);
    const bias = second.input(IO.bias, 'float32', [d]);
    let after = second.op('Add', [from, bias]);
    if (shape.neurons > 0) {
      const hidden = emitMlpHidden(
        second,
        storedWeights(second, weights),
        forwardOptions(options),
        layer,
        from,
      );
      const down = second.input(IO.down, 'float32', [shape.neurons, d]);
      after = second.op('Add', [after, second.op('MatMul', [hidden, down])]);
    }
    second.output(after, IO.after);
    const name = `layer-${layer}-${shape.kvGroups}-${shape.neurons}`;
    const opened = await openSession(first, options, `${name}-middle`);
    return new LayerPass(options, opened, await openSession(second, options, `${name}-forward`));
  }

  /**
   * With the layer's own `down`: the stream behind the layer, and what its hidden values tell.
   *
   * @param stream [N, hidden]
   * @param weights [N]
   */
  async hiddenStatistics(
    windows: readonly WindowIds[],
    stream: Float32Array,
    weights: Float32Array,
  ): Promise<{ readonly after: Float32Array; readonly mlp: HiddenStatistics }> {
    const results = await this.#first.run({
      ...this.#attentionFeeds(windows),
      [IO.stream]: this.#rows(stream),
      [IO.weight]: new Tensor('float32', weights, [weights.length, 1]),
    });
    const data = (name: string): Float32Array =>
      (results[name]?.data as Float32Array | undefined) ?? new Float32Array(0);
    return { after: data(IO.after), mlp: { gram: data('gram'), hiddenSum: data('hidden_sum') } };
  }

  /**
   * @param stream the level's, [N, hidden]
   * @param target the full model's stream behind the layer, [N, hidden]
   * @param weights [N]
   */
  async missingStatistics(
    windows: readonly WindowIds[],
    stream: Float32Array,
    target: Float32Array,
    weights: Float32Array,
  ): Promise<{ readonly middle: Float32Array; readonly mlp: HiddenStatistics & MissingStatistics }> {
    const results = await this.#first.run({
      ...this.#attentionFeeds(windows),
      [IO.stream]: this.#rows(stream),
      [IO.target]: this.#rows(target),
      [IO.weight]: new Tensor('float32', weights, [weights.length, 1]),
    });
    const data = (name: string): Float32Array =>
      (results[name]?.data as Float32Array | undefined) ?? new Float32Array(0);
    return {
      middle: data(IO.middle),
      mlp: {
        gram: data('gram'),
        cross: data('cross'),
        hiddenSum: data('hidden_sum'),
        missingSum: data('missing_sum'),
      },
    };
  }

  /** The stream behind the layer's attention; of a pass without statistics. */
  async middle(windows: readonly WindowIds[], stream: Float32Array): Promise<Float32Array> {
    const feeds = { ...this.#attentionFeeds(windows), [IO.stream]: this.#rows(stream) };
    return (await this.#first.run(feeds))[IO.middle]?.data as Float32Array;
  }

  /**
   * The stream behind the layer.
   *
   * @param down [neurons, hidden]
   * @param bias [hidden]
   */
  async after(middle: Float32Array, down: Float32Array, bias: Float32Array): Promise<Float32Array> {
    const { neurons } = this.#options.shape;
    const feeds: Record<string, Tensor> = {
      [IO.middle]: this.#rows(middle),
      [IO.bias]: new Tensor('float32', bias, [bias.length]),
    };
    if (neurons > 0) feeds[IO.down] = new Tensor('float32', down, [neurons, down.length / neurons]);
    const results = await this.#second.run(feeds);
    return results[IO.after]?.data as Float32Array;
  }

  async close(): Promise<void> {
    await this.#first.release();
    await this.#second.release();
  }

  #rows(values: Float32Array): Tensor {
    const d = this.#options.weights.config.hiddenSize;
    return new Tensor('float32', values, [values.length / d, d]);
  }

  #attentionFeeds(windows: readonly WindowIds[]): Record<string, Tensor> {
    if (this.#options.shape.kvGroups === 0) return {};
    const bias = batchFeeds(windows, this.#options.tokens)[INPUT.attentionBias];
    return bias === undefined ? {} : { [INPUT.attentionBias]: bias };
  }
}
