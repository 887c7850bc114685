import * as ort from 'onnxruntime-node';
import { GRAPH, pastKeyName, pastValueName } from '../../core/elastic-graph.ts';
import type { ModelConfig } from '../../core/model-config.ts';

export type Feeds = Record<string, ort.Tensor>;

/**
 * Inputs of a run over `tokens` from an empty cache, returning logits from position `logitsStart` on.
 *
 * @param segmentsOn switches of the gated segments, in the graph's order.
 */
export function promptFeeds(
  config: ModelConfig,
  tokens: readonly number[],
  logitsStart: number,
  segmentsOn: readonly number[],
): Feeds {
  const feeds: Feeds = {
    [GRAPH.inputIds]: new ort.Tensor('int64', BigInt64Array.from(tokens, BigInt), [1, tokens.length]),
    [GRAPH.segmentsOn]: new ort.Tensor('int64', BigInt64Array.from(segmentsOn, BigInt), [segmentsOn.length]),
    [GRAPH.seqlensK]: new ort.Tensor('int32', Int32Array.of(tokens.length - 1), [1]),
    [GRAPH.totalLength]: new ort.Tensor('int32', Int32Array.of(tokens.length), []),
    [GRAPH.logitsStart]: new ort.Tensor('int64', BigInt64Array.of(BigInt(logitsStart)), [1]),
  };
  const dims = [1, config.kvHeads, tokens.length, config.headDim];
  const empty = new ort.Tensor(
    'float32',
    new Float32Array(dims.reduce((product, dim) => product * dim, 1)),
    dims,
  );
  for (let layer = 0; layer < config.layers; layer++) {
    feeds[pastKeyName(layer)] = empty;
    feeds[pastValueName(layer)] = empty;
  }
  return feeds;
}

/**
 * Session options of offline work: threads that wait without spinning, because long runs gain nothing from it
 * and other work on the computer loses.
 */
export const OFFLINE_SESSION: ort.InferenceSession.SessionOptions = {
  extra: { session: { intra_op: { allow_spinning: '0' } } },
};
