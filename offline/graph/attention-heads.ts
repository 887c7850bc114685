import { GRAPH, pastKeyName, pastValueName } from '../../core/elastic-graph.ts';
import type { ModelConfig } from '../../core/model-config.ts';
import type { AdapterNodes } from './adapter.ts';
import type { AttentionWeights } from './attention-weights.ts';
import type { ActivationKind } from './decoder-graph.ts';
import { STORED } from './decoder-weights.ts';
import type { GraphBuilder } from './graph-builder.ts';
import { emitLinear, linearInput, type LinearInput } from './linear.ts';

export interface HeadsContext {
  readonly config: ModelConfig;
  readonly adapter: AdapterNodes;
  readonly onActivation: (layer: number, kind: ActivationKind, value: string) => string;
}

/** An attention segment as the graph has it. */
export interface AttentionSegment {
  readonly layer: number;
  /** Place among all attention segments: names its KV cache. */
  readonly place: number;
  readonly weights: AttentionWeights;
}

export interface Heads {
  /** What the heads add to the residual stream, with the adapter of site `o`: float32 [1, T, hidden]. */
  readonly out: string;
  /** [1, T, qkv width] as attention reads them: biased, normed, not rotated. */
  readonly qkv: string;
}

/** Query heads of a run of KV groups. */
export function queryHeads(config: ModelConfig, groups: number): number {
  return (groups * config.heads) / config.kvHeads;
}

/** Channels of the packed rows of q, k and v of a run of KV groups. */
export function qkvWidth(config: ModelConfig, groups: number): number {
  return (queryHeads(config, groups) + 2 * groups) * config.headDim;
}

/**
 * The heads of one attention segment: packed q/k/v (with bias and head norms where the model has them),
 * grouped-query attention over the segment's own KV cache, output product.
 *
 * @param input the layer's normalized rows, [1, T, hidden]
 */
export function emitHeads(
  graph: GraphBuilder,
  { config, adapter, onActivation }: HeadsContext,
  { layer, place, weights }: AttentionSegment,
  input: LinearInput,
  name: string,
): Heads {
  const { groups, groupStart } = weights;
  const rows = emitLinear(graph, weights.qkv, input, `${name}.qkv`);
  const biased =
    weights.qkvBias === null
      ? rows
      : graph.node('Add', [rows, graph.weight(weights.qkvBias)], [`${name}.qkv_biased`]);
  const qkv =
    weights.headNorm === null ? biased : emitHeadNorm(graph, config, groups, weights.headNorm, biased, name);
  const mixed = graph.node(
    'GroupQueryAttention',
    [
      qkv,
      '',
      '',
      pastKeyName(place),
      pastValueName(place),
      GRAPH.seqlensK,
      GRAPH.totalLength,
      graph.weight(STORED.ropeCos),
      graph.weight(STORED.ropeSin),
    ],
    [`${name}.mixed`, `${name}.present_key`, `${name}.present_value`],
    { num_heads: queryHeads(config, groups), kv_num_heads: groups, do_rotary: 1 },
  );
  const attentionOut = onActivation(layer, 'attention-out', mixed);
  const out = emitLinear(
    graph,
    weights.o,
    linearInput(graph, weights.o.form, attentionOut),
    `${name}.attention_out`,
  );
  const channels = (group: number): number => queryHeads(config, group) * config.headDim;
  const part =
    groups === config.kvHeads ? null : ([channels(groupStart), channels(groupStart + groups)] as const);
  const recovered = adapter.product(graph, 'o', layer, attentionOut, name, part);
  if (recovered === null) return { out, qkv };
  return { out: graph.node('Add', [out, recovered], [`${name}.attention_recovered`]), qkv };
}

/**
 * Normalizes every query and key head of the packed rows. All heads in one kernel: a norm without weights, then
 * one product with the weights of each head.
 */
function emitHeadNorm(
  graph: GraphBuilder,
  config: ModelConfig,
  groups: number,
  weights: string,
  qkv: string,
  name: string,
): string {
  const { headDim } = config;
  const normedHeads = queryHeads(config, groups) + groups;
  const width = normedHeads * headDim;
  const queriesAndKeys = `${name}.qk`;
  const values = `${name}.v`;
  graph.node('Split', [qkv, graph.ints(width, groups * headDim)], [queriesAndKeys, values], { axis: 2 });
  const byHead = graph.node(
    'Reshape',
    [queriesAndKeys, graph.ints(0, 0, normedHeads, headDim)],
    [`${name}.qk_heads`],
  );
  const normed = graph.node(
    'SimplifiedLayerNormalization',
    [byHead, graph.weight(STORED.headOnes)],
    [`${name}.qk_normed`],
    { axis: -1, epsilon: { float: config.rmsNormEps } },
  );
  const weighted = graph.node('Mul', [normed, graph.weight(weights)], [`${name}.qk_weighted`]);
  const flat = graph.node('Reshape', [weighted, graph.ints(0, 0, width)], [`${name}.qk_rows`]);
  return graph.node('Concat', [flat, values], [`${name}.qkv_normed`], { axis: 2 });
}
