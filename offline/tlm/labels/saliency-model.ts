import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { differentiate } from '../../differentiate/differentiate.ts';
import { StaticGraph } from '../../differentiate/static-graph.ts';
import { OFFLINE_SESSION } from '../../graph/model-feeds.ts';
import { WEIGHTS } from '../../sources/source-model.ts';
import { batchFeeds } from '../../training/batch-feeds.ts';
import { emitDecoderForward, INPUT } from '../../training/decoder-forward.ts';
import { fullShape } from '../../training/layer-shape.ts';
import { emitLoss, LOSS_INPUT } from '../../training/loss.ts';
import {
  storedWeights,
  TRAINING_WEIGHTS_FILE,
  type TrainingWeights,
} from '../../training/training-weights.ts';

/** Answer tokens that count; what comes later in a long answer follows from the answer more than from the prompt. */
export const ANSWER_TOKENS = 32;

export interface Saliency {
  /** Mean loss of the answer's tokens, nats. */
  readonly loss: number;
  /**
   * Per prompt token: how much that loss falls when every query of every head of every layer attends to the token a
   * little more, -dL/d bias of its attention scores. Large = worth keeping; below 0 = it misleads.
   */
  readonly tokens: Float32Array;
}

/**
 * What the uncut f32 model would lose with a prompt token less, for all tokens in one backward pass: leaving a token
 * out takes its bias from 0 to minus infinity, and this is the slope at 0.
 */
export class SaliencyModel {
  /** Longest prompt and answer together. */
  readonly length: number;
  readonly #session: InferenceSession;

  private constructor(length: number, session: InferenceSession) {
    this.length = length;
    this.#session = session;
  }

  /** @param length tokens of prompt and answer together, at most */
  static async open(weights: TrainingWeights, length: number): Promise<SaliencyModel> {
    const { config } = weights;
    const graph = StaticGraph.create(weights.catalog, TRAINING_WEIGHTS_FILE);
    const { hidden } = emitDecoderForward(graph, storedWeights(graph, weights), {
      config,
      layers: fullShape(config),
      batch: 1,
      tokens: length,
      adapter: null,
      masks: false,
    });
    const head = graph.weight(config.tiedEmbedding ? WEIGHTS.embedding : WEIGHTS.head);
    const end = graph.op('Slice', [
      hidden,
      graph.ints(length - ANSWER_TOKENS),
      graph.ints(length),
      graph.ints(0),
    ]);
    const loss = emitLoss(graph, end, head, 0);
    const byPair = differentiate(graph, loss, [INPUT.attentionBias]).get(INPUT.attentionBias) ?? '';
    const byKey = graph.op('ReduceSum', [byPair, graph.ints(0, 1, 2, 3)], { keepdims: 0 });
    graph.output(loss, 'loss');
    graph.output(graph.op('Neg', [byKey]), 'saliency');
    const path = join(weights.folder, `saliency-${length}.onnx`);
    writeFileSync(path, graph.encode('saliency'));
    return new SaliencyModel(length, await InferenceSession.create(path, OFFLINE_SESSION));
  }

  /**
   * The text stands at the window's end, so that the answer is always in the rows that are scored.
   * @throws RangeError if prompt and answer are longer than {@link length}, or the answer is empty
   */
  async run(prompt: readonly number[], answer: readonly number[]): Promise<Saliency> {
    const counted = answer.slice(0, ANSWER_TOKENS);
    const text = [...prompt, ...counted];
    const padding = this.length - text.length;
    if (padding < 0 || counted.length === 0)
      throw new RangeError(`a text of ${text.length} tokens, ${counted.length} of them the answer`);
    const ids = new Int32Array(this.length);
    ids.set(text, padding);
    const targets = BigInt64Array.from({ length: ANSWER_TOKENS }, (_, row) =>
      BigInt(ids[this.length - ANSWER_TOKENS + row + 1] ?? 0),
    );
    const weights = new Float32Array(ANSWER_TOKENS);
    // The last token predicts nothing; the one before the answer predicts its first.
    weights.fill(1 / counted.length, ANSWER_TOKENS - 1 - counted.length, ANSWER_TOKENS - 1);
    const { loss, saliency } = await this.#session.run({
      ...batchFeeds([{ ids, documents: ids.map((_, i) => (i < padding ? 0 : 1)) }], this.length),
      [LOSS_INPUT.targets]: new Tensor('int64', targets, [ANSWER_TOKENS, 1]),
      [LOSS_INPUT.targetWeights]: new Tensor('float32', weights, [ANSWER_TOKENS, 1]),
    });
    return {
      loss: (loss?.data as Float32Array)[0] as number,
      tokens: (saliency?.data as Float32Array).slice(padding, padding + prompt.length),
    };
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}
