import * as ort from 'onnxruntime-node';
import type { Segment } from '../../core/bundle-manifest.ts';
import { attentionGroups, GRAPH, pastKeyName, pastValueName } from '../../core/elastic-graph.ts';
import type { ModelConfig } from '../../core/model-config.ts';

export type Feeds = Record<string, ort.Tensor>;

/**
 * Inputs of a run over `tokens` from an empty cache, returning logits from position `logitsStart` on.
 *
 * @param segmentsOn switches of the gated segments, in the graph's order.
 */
export function promptFeeds(
  config: ModelConfig,
  segments: readonly Segment[],
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
  const empty = (groups: number): ort.Tensor => {
    const dims = [1, groups, tokens.length, config.headDim];
    const values = new Float32Array(groups * tokens.length * config.headDim);
    return new ort.Tensor('float32', values, dims);
  };
  const tensors = new Map<number, ort.Tensor>();
  for (const [place, groups] of attentionGroups(segments).entries()) {
    const tensor = tensors.get(groups) ?? empty(groups);
    tensors.set(groups, tensor);
    feeds[pastKeyName(place)] = tensor;
    feeds[pastValueName(place)] = tensor;
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
