import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { StaticGraph } from '../differentiate/static-graph.ts';
import { f32Session } from '../graph/offline-session.ts';
import { LayerPass } from '../layerwise/layer-pass.ts';
import { embed } from '../layerwise/layer-streams.ts';
import { WEIGHTS } from '../sources/source-model.ts';
import type { WindowIds } from '../training/batch-feeds.ts';
import { emitRmsNorm } from '../training/decoder-forward.ts';
import { fullShape } from '../training/layer-shape.ts';
import { storedHead, TRAINING_WEIGHTS_FILE, type TrainingWeights } from '../training/training-weights.ts';

/** A layer that says something else: its attention on or off, and what its MLP writes. */
export interface ChangedLayer {
  readonly attention: boolean;
  /** [ffn, hidden]; rows of neurons that are gone are 0. */
  readonly down: Float32Array;
  /** [hidden], added to what the layer says. */
  readonly bias: Float32Array;
}

const IO = { stream: 'stream', whole: 'whole', out: 'out' } as const;

/** Log-probabilities behind the last layer's stream, or how far they are from the whole model's (mean KL, nats). */
async function openHead(
  weights: TrainingWeights,
  rows: number,
  gives: 'logProbabilities' | 'divergence',
): Promise<InferenceSession> {
  const { config } = weights;
  const graph = StaticGraph.create(weights.catalog, TRAINING_WEIGHTS_FILE);
  const stream = graph.input(IO.stream, 'float32', [rows, config.hiddenSize]);
  const normed = emitRmsNorm(graph, config, stream, graph.weight(WEIGHTS.finalNorm));
  const head = storedHead(graph, weights);
  const logits = graph.op('FusedMatMul', [normed, head], { transB: 1 });
  const own = graph.op('LogSoftmax', [logits], { axis: -1 });
  if (gives === 'logProbabilities') graph.output(own, IO.out);
  else {
    const whole = graph.input(IO.whole, 'float32', [rows, config.vocabSize]);
    const terms = graph.op('Mul', [graph.op('Exp', [whole]), graph.op('Sub', [whole, own])]);
    const byRow = graph.op('ReduceSum', [terms, graph.ints(1)], { keepdims: 0 });
    graph.output(graph.op('ReduceMean', [byRow], { axes: [0], keepdims: 1 }), IO.out);
  }
  const path = join(weights.folder, `probe-${gives}.onnx`);
  writeFileSync(path, graph.encode(gives));
  return InferenceSession.create(path, f32Session(config, weights.device));
}

/** The whole model on a probe text, layer by layer: tells what it loses when one layer says something else. */
export class CutProbe {
  readonly #windows: readonly WindowIds[];
  readonly #passes: readonly LayerPass[];
  readonly #head: InferenceSession;
  readonly #downs: readonly Float32Array[];
  readonly #noBias: Float32Array;
  /** Of each layer: the stream before it, and behind its attention. */
  readonly #streams: { readonly before: Float32Array; readonly middle: Float32Array }[] = [];
  /** Log-probabilities of each window, [tokens, vocab]. */
  readonly #whole: Float32Array[] = [];

  private constructor(
    windows: readonly WindowIds[],
    passes: readonly LayerPass[],
    head: InferenceSession,
    downs: readonly Float32Array[],
    hiddenSize: number,
  ) {
    this.#windows = windows;
    this.#passes = passes;
    this.#head = head;
    this.#downs = downs;
    this.#noBias = new Float32Array(hiddenSize);
  }

  /** @param windows all of one length */
  static async open(weights: TrainingWeights, windows: readonly WindowIds[]): Promise<CutProbe> {
    const { config } = weights;
    const tokens = windows[0]?.ids.length ?? 0;
    const passes: LayerPass[] = [];
    for (const [layer, shape] of fullShape(config).entries())
      passes.push(
        await LayerPass.open({ weights, layer, shape, batch: windows.length, tokens, statistics: 'none' }),
      );
    const downs = passes.map((_, layer) => weights.read(`${layer}.down`));
    const head = await openHead(weights, tokens, 'divergence');
    const probe = new CutProbe(windows, passes, head, downs, config.hiddenSize);
    await probe.#passWhole(weights, tokens);
    return probe;
  }

  async #passWhole(weights: TrainingWeights, tokens: number): Promise<void> {
    let [stream = new Float32Array(0)] = embed(weights, [this.#windows]);
    for (const [layer, pass] of this.#passes.entries()) {
      const middle = await pass.middle(this.#windows, stream);
      this.#streams.push({ before: stream, middle });
      stream = await pass.after(middle, this.#downs[layer] as Float32Array, this.#noBias);
    }
    const head = await openHead(weights, tokens, 'logProbabilities');
    try {
      for (const rows of this.#byWindow(stream))
        this.#whole.push((await head.run({ [IO.stream]: rows }))[IO.out]?.data as Float32Array);
    } finally {
      await head.release();
    }
  }

  /** Mean KL divergence (nats) from the whole model's predictions when one layer is changed. */
  async loss(layer: number, { attention, down, bias }: ChangedLayer): Promise<number> {
    const { before, middle } = this.#streams[layer] as { before: Float32Array; middle: Float32Array };
    let stream = await (this.#passes[layer] as LayerPass).after(attention ? middle : before, down, bias);
    for (const [offset, pass] of this.#passes.slice(layer + 1).entries()) {
      const own = this.#downs[layer + 1 + offset] as Float32Array;
      stream = await pass.after(await pass.middle(this.#windows, stream), own, this.#noBias);
    }
    let sum = 0;
    for (const [i, rows] of this.#byWindow(stream).entries()) {
      const whole = this.#whole[i] as Float32Array;
      const dims = [rows.dims[0] as number, whole.length / (rows.dims[0] as number)];
      const feeds = { [IO.stream]: rows, [IO.whole]: new Tensor('float32', whole, dims) };
      sum += ((await this.#head.run(feeds))[IO.out]?.data as Float32Array)[0] as number;
    }
    return sum / this.#windows.length;
  }

  async close(): Promise<void> {
    for (const pass of this.#passes) await pass.close();
    await this.#head.release();
  }

  #byWindow(stream: Float32Array): Tensor[] {
    const hidden = this.#noBias.length;
    const size = stream.length / this.#windows.length;
    return this.#windows.map(
      (_, i) => new Tensor('float32', stream.slice(i * size, (i + 1) * size), [size / hidden, hidden]),
    );
  }
}
