import { InferenceSession, Tensor } from 'onnxruntime-node';
import { TLM_GRAPH, tlmLayout, type TlmConfig, type TlmInputs } from '../../core/tlm.ts';
import { GraphBuilder } from '../graph/graph-builder.ts';
import { OFFLINE_SESSION } from '../graph/model-feeds.ts';
import type { EmbeddingRows } from './embedding-rows.ts';
import { emitTlmInference } from './inference-graph.ts';
import { tlmView } from './tlm-parameters.ts';

export interface TlmOutputs {
  /** Per prompt token (of the last row's padding too). */
  readonly scores: Float32Array;
  /** [PROMPT_LEVELS.length] */
  readonly promptLogits: Float32Array;
  /** [LEVELS.length] */
  readonly levelLogits: Float32Array;
}

/** A TLM as training holds it. */
export interface TrainedTlm {
  readonly config: TlmConfig;
  readonly embedding: EmbeddingRows;
  /** [`tlmLayout(config, embedding.size).total`] */
  readonly parameters: Float32Array;
}

/** Runs given parameters as the device would, on one thread, without a bundle. */
export class TlmRunner {
  readonly #session: InferenceSession;
  readonly #embedding: EmbeddingRows;

  private constructor(session: InferenceSession, embedding: EmbeddingRows) {
    this.#session = session;
    this.#embedding = embedding;
  }

  static async open({ config, embedding, parameters }: TrainedTlm): Promise<TlmRunner> {
    const graph = GraphBuilder.create(new Map(), '');
    const entries = new Map(tlmLayout(config, embedding.size).entries.map((entry) => [entry.name, entry]));
    emitTlmInference(graph, {
      config,
      parameter: (name) => {
        const entry = entries.get(name);
        if (entry === undefined) throw new RangeError(`the TLM has no parameter ${name}`);
        return graph.constant(`tlm.${name}`, 'float32', entry.dims, tlmView(parameters, entry));
      },
      embed: () => graph.input('embedded', 'float32', ['R', 'W', embedding.size]),
    });
    const session = await InferenceSession.create(graph.encode('tlm'), {
      ...OFFLINE_SESSION,
      intraOpNumThreads: 1,
    });
    return new TlmRunner(session, embedding);
  }

  async run(inputs: TlmInputs): Promise<TlmOutputs> {
    const { rows, width } = inputs;
    const { size } = this.#embedding;
    const embedded = new Float32Array(rows * width * size);
    for (const [i, id] of inputs.inputIds.entries()) embedded.set(this.#embedding.row(Number(id)), i * size);
    return tlmOutputs(
      await this.#session.run({
        ...tlmFeeds(inputs),
        embedded: new Tensor('float32', embedded, [rows, width, size]),
      }),
    );
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}

/** Inputs of a TLM graph. */
export function tlmFeeds({ rows, width, inputIds, roles, slo }: TlmInputs): Record<string, Tensor> {
  return {
    [TLM_GRAPH.inputIds]: new Tensor('int64', inputIds, [rows, width]),
    [TLM_GRAPH.roles]: new Tensor('int64', roles, [rows, width]),
    [TLM_GRAPH.slo]: new Tensor('int64', slo, [slo.length]),
  };
}

export function tlmOutputs(results: InferenceSession.OnnxValueMapType): TlmOutputs {
  const data = (name: string): Float32Array => results[name]?.data as Float32Array;
  return {
    scores: data(TLM_GRAPH.scores),
    promptLogits: data(TLM_GRAPH.promptLogits),
    levelLogits: data(TLM_GRAPH.levelLogits),
  };
}
