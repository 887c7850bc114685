import { InferenceSession, Tensor } from 'onnxruntime-node';
import { SLO_TOKENS, tlmLayout, type TlmConfig, type TlmEntry } from '../../core/tlm.ts';
import { differentiate } from '../differentiate/differentiate.ts';
import { StaticGraph } from '../differentiate/static-graph.ts';
import { OFFLINE_SESSION } from '../graph/model-feeds.ts';
import type { EmbeddingRows } from './embedding-rows.ts';
import { staticWriter } from './forward-graph.ts';
import { emitTlmTrunk, positionTable } from './tlm-forward.ts';
import { tlmView } from './tlm-parameters.ts';
import type { TlmBatchShape, TlmExample, TlmTask } from './tlm-task.ts';

export interface TlmTrainerOptions<Example extends TlmExample> {
  readonly config: TlmConfig;
  readonly embedding: EmbeddingRows;
  readonly task: TlmTask<Example>;
  /** Rows of a batch. */
  readonly rows: number;
  /** Prompt positions of a row; default: as many as the TLM takes. Shorter ones are faster. */
  readonly width?: number;
  /** Of ONNX Runtime, default 1, which gives the same sums in every run. */
  readonly threads?: number;
}

/** Loss of one of the TLM's tasks and its gradient by the parameters that the task trains. */
export class TlmTrainer<Example extends TlmExample> {
  /** Rows and positions that a batch has room for. */
  readonly shape: TlmBatchShape;
  /** What is trained, in the order of the gradient. */
  readonly trained: readonly TlmEntry[];
  readonly #options: TlmTrainerOptions<Example>;
  readonly #session: InferenceSession;
  readonly #used: readonly TlmEntry[];

  private constructor(
    options: TlmTrainerOptions<Example>,
    shape: TlmBatchShape,
    session: InferenceSession,
    used: readonly TlmEntry[],
    trained: readonly TlmEntry[],
  ) {
    this.#options = options;
    this.shape = shape;
    this.#session = session;
    this.#used = used;
    this.trained = trained;
  }

  static async open<Example extends TlmExample>(
    options: TlmTrainerOptions<Example>,
  ): Promise<TlmTrainer<Example>> {
    const { config, embedding, task, rows } = options;
    const shape: TlmBatchShape = { rows, width: options.width ?? config.rowTokens - SLO_TOKENS };
    const graph = StaticGraph.create(new Map(), '');
    const { entries } = tlmLayout(config, embedding.size);
    const used = new Map<string, TlmEntry>();
    const parameter = (name: string): string => {
      const entry = entries.find((candidate) => candidate.name === name);
      if (entry === undefined) throw new RangeError(`the TLM has no parameter ${name}`);
      if (!used.has(name)) graph.input(inputName(name), 'float32', entry.dims);
      used.set(name, entry);
      return inputName(name);
    };
    const writer = staticWriter(graph, parameter, (x) => task.emitPool(graph, x));
    const trunk = emitTlmTrunk(writer, config, {
      embedded: graph.input('embedded', 'float32', [rows, shape.width, embedding.size]),
      roles: graph.input('roles', 'int64', [rows, shape.width]),
      slo: graph.input('slo', 'int64', [rows, SLO_TOKENS]),
      positions: graph.constant(
        'positions',
        'float32',
        [shape.width, config.hiddenSize],
        positionTable(config, shape.width),
      ),
    });
    const loss = task.emitLoss(graph, writer, config, trunk, shape);
    const trained = entries.filter(
      ({ name }) => used.has(name) && task.trained.includes(name.split('.')[0] ?? ''),
    );
    const gradients = differentiate(
      graph,
      loss,
      trained.map(({ name }) => inputName(name)),
    );
    const flat = trained.map(({ name }) =>
      graph.op('Reshape', [gradients.get(inputName(name)) ?? '', graph.ints(-1)]),
    );
    graph.output(loss, 'loss');
    graph.output(graph.op('Concat', flat, { axis: 0 }), 'gradient');
    const session = await InferenceSession.create(graph.encode(`tlm-${task.name}-training`), {
      ...OFFLINE_SESSION,
      intraOpNumThreads: options.threads ?? 1,
    });
    return new TlmTrainer(options, shape, session, [...used.values()], trained);
  }

  /** Parameters that the task trains, packed in the order of the gradient; a copy. */
  pack(parameters: Float32Array): Float32Array {
    const packed = new Float32Array(this.trained.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const entry of this.trained) {
      packed.set(tlmView(parameters, entry), at);
      at += entry.length;
    }
    return packed;
  }

  /** Puts packed parameters back into all parameters. */
  unpack(packed: Float32Array, parameters: Float32Array): void {
    let at = 0;
    for (const entry of this.trained) {
      tlmView(parameters, entry).set(packed.subarray(at, at + entry.length));
      at += entry.length;
    }
  }

  /**
   * Loss of a batch and its gradient, packed.
   * @throws RangeError if the batch has more rows, positions or examples than there is room for
   */
  async gradient(
    batch: readonly Example[],
    parameters: Float32Array,
  ): Promise<{ loss: number; gradient: Float32Array }> {
    const { loss, gradient } = await this.#session.run(this.#feeds(batch, parameters));
    return { loss: scalar(loss), gradient: gradient?.data as Float32Array };
  }

  /** Loss of a batch. */
  async loss(batch: readonly Example[], parameters: Float32Array): Promise<number> {
    return scalar((await this.#session.run(this.#feeds(batch, parameters), ['loss']))['loss']);
  }

  async close(): Promise<void> {
    await this.#session.release();
  }

  #feeds(batch: readonly Example[], parameters: Float32Array): Record<string, Tensor> {
    const { embedding, task } = this.#options;
    const { rows, width } = this.shape;
    const needed = batch.reduce((sum, { inputs }) => sum + inputs.rows, 0);
    if (needed > rows || batch.length > task.examples || batch.some(({ inputs }) => inputs.width > width))
      throw new RangeError(`${batch.length} examples of ${needed} rows do not fit into ${rows} x ${width}`);
    const embedded = new Float32Array(rows * width * embedding.size);
    const roles = new BigInt64Array(rows * width);
    const slo = new BigInt64Array(rows * SLO_TOKENS);
    let row = 0;
    for (const { inputs } of batch)
      for (let own = 0; own < inputs.rows; own++, row++) {
        slo.set(inputs.slo, row * SLO_TOKENS);
        for (let i = 0; i < inputs.width; i++) {
          const from = own * inputs.width + i;
          const role = inputs.roles[from] ?? 0n;
          if (role === 0n) continue;
          roles[row * width + i] = role;
          embedded.set(embedding.row(Number(inputs.inputIds[from])), (row * width + i) * embedding.size);
        }
      }
    const feeds: Record<string, Tensor> = {
      embedded: new Tensor('float32', embedded, [rows, width, embedding.size]),
      roles: new Tensor('int64', roles, [rows, width]),
      slo: new Tensor('int64', slo, [rows, SLO_TOKENS]),
      ...task.feeds(batch, this.shape),
    };
    for (const entry of this.#used)
      feeds[inputName(entry.name)] = new Tensor('float32', tlmView(parameters, entry), entry.dims);
    return feeds;
  }
}

function inputName(name: string): string {
  return `parameter.${name}`;
}

function scalar(value: Tensor | undefined): number {
  return (value?.data as Float32Array)[0] as number;
}
