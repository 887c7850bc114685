import { queriesPerGroup, STATIC_GRAPH, type StaticLayer } from '../../../core/static-prefill.ts';
import type { ModelConfig } from '../../../core/model-config.ts';
import { STORED } from '../decoder-weights.ts';
import type { GraphBuilder } from '../graph-builder.ts';
import type { AttentionWeights } from '../attention-weights.ts';
import type { AdapterConstants } from './adapter-constants.ts';
import { emitPackedConstants, emitOutputMatrix } from './attention-constants.ts';
import { emitProduct, emitRmsNorm } from './plain-operators.ts';
import { emitRange } from './stored-matrix.ts';

export interface StaticContext {
  readonly config: ModelConfig;
  readonly adapter: AdapterConstants;
}

/** A layer's attention segments that are on, in the order of their groups. */
export interface StaticAttention extends Pick<StaticLayer, 'layer' | 'groups'> {
  readonly segments: readonly AttentionWeights[];
}

/** New rows of a layer, [groups, S, headDim] each, and its residual with attention added. */
export interface StaticAttended {
  readonly key: string;
  readonly value: string;
  /** null where only the rows were wanted. */
  readonly residual: string | null;
}

/**
 * A layer's attention over 2-D rows: one product for q, k and v of all segments that are on, rotation of queries and
 * keys together, and one matrix product per KV group for all the queries that share it.
 *
 * @param rowsOnly the last layer with attention: its queries and all that follows reach no KV row
 */
export function emitStaticAttention(
  graph: GraphBuilder,
  { config, adapter }: StaticContext,
  attention: StaticAttention,
  residual: string,
  rowsOnly: boolean,
): StaticAttended {
  const { headDim, rmsNormEps: epsilon } = config;
  const { layer, groups, segments } = attention;
  const name = `l${layer}`;
  const sharing = queriesPerGroup(config);
  const queryHeads = rowsOnly ? 0 : groups * sharing;
  const rotatedHeads = queryHeads + groups;
  const packed = emitPackedConstants(graph, config, segments, { name, keysAndValues: rowsOnly });
  const weight = adapter.norm(graph, layer, 'attentionNorm') ?? graph.weight(STORED.attentionNorm(layer));
  const normed = emitRmsNorm(graph, residual, weight, { epsilon, rank: 2, name: `${name}.attention` });
  const rows = emitProduct(graph, normed, packed.matrix, `${name}.qkv`, packed.bias);
  const width = rotatedHeads * headDim;
  const toRotate = emitRange(graph, rows, 0, width, 1, `${name}.qk`);
  const valueRows = emitRange(graph, rows, width, width + groups * headDim, 1, `${name}.v`);

  const heads = graph.node('Reshape', [toRotate, graph.ints(-1, rotatedHeads, headDim)], [`${name}.heads`]);
  const headRows =
    packed.headNorm === null
      ? heads
      : emitRmsNorm(graph, heads, packed.headNorm, { epsilon, rank: 3, name: `${name}.heads` });
  const rotated = emitRotation(graph, headRows, headDim, `${name}.rotated`);
  const keys = rowsOnly ? rotated : emitRange(graph, rotated, queryHeads, rotatedHeads, 1, `${name}.keys`);
  const key = graph.node('Transpose', [keys], [`${name}.key`], { perm: [1, 0, 2] });
  const values = graph.node('Reshape', [valueRows, graph.ints(-1, groups, headDim)], [`${name}.values`]);
  const value = graph.node('Transpose', [values], [`${name}.value`], { perm: [1, 0, 2] });
  if (rowsOnly) return { key, value, residual: null };

  const queries = emitRange(graph, rotated, 0, queryHeads, 1, `${name}.queries`);
  const mixed = emitScoresAndMix(graph, config, { layer, groups, queries, key, value });
  const matrix = emitOutputMatrix(graph, config, layer, segments, adapter);
  const out = emitProduct(graph, mixed, matrix, `${name}.attention_out`);
  return { key, value, residual: graph.node('Add', [residual, out], [`${name}.attended`]) };
}

/** Rotates [S, heads, headDim] by position; see `rotaryRows`. */
function emitRotation(graph: GraphBuilder, heads: string, headDim: number, name: string): string {
  const half = headDim / 2;
  const first = emitRange(graph, heads, 0, half, 2, `${name}.first`);
  const second = emitRange(graph, heads, half, headDim, 2, `${name}.second`);
  const swapped = graph.node('Concat', [second, first], [`${name}.swapped`], { axis: 2 });
  const straight = graph.node('Mul', [heads, STATIC_GRAPH.cos], [`${name}.straight`]);
  const crossed = graph.node('Mul', [swapped, STATIC_GRAPH.sin], [`${name}.crossed`]);
  return graph.node('Add', [straight, crossed], [name]);
}

/** Softmax attention of [S, query heads, headDim] over past and new rows, [S, query width]. */
function emitScoresAndMix(
  graph: GraphBuilder,
  config: ModelConfig,
  rows: {
    readonly layer: number;
    readonly groups: number;
    readonly queries: string;
    readonly key: string;
    readonly value: string;
  },
): string {
  const { layer, groups, queries, key, value } = rows;
  const { headDim } = config;
  const sharing = queriesPerGroup(config);
  const name = `l${layer}`;
  const op = (type: string, inputs: readonly string[], suffix: string, attributes = {}): string =>
    graph.node(type, inputs, [`${name}.${suffix}`], attributes);
  const byGroup = op('Reshape', [queries, graph.ints(-1, groups, sharing, headDim)], 'by_group');
  const groupFirst = op('Transpose', [byGroup], 'group_first', { perm: [1, 2, 0, 3] });
  const stacked = op('Reshape', [groupFirst, graph.ints(groups, -1, headDim)], 'stacked');
  const scaled = op('Mul', [stacked, graph.floats(1 / Math.sqrt(headDim))], 'scaled');
  const allKeys = op('Concat', [STATIC_GRAPH.pastKey(layer), key], 'all_keys', { axis: 1 });
  const allValues = op('Concat', [STATIC_GRAPH.pastValue(layer), value], 'all_values', { axis: 1 });
  const turned = op('Transpose', [allKeys], 'turned', { perm: [0, 2, 1] });
  const scores = op('Add', [op('MatMul', [scaled, turned], 'scores'), STATIC_GRAPH.mask], 'masked');
  const weights = op('Softmax', [scores], 'weights', { axis: 2 });
  const mixed = op('MatMul', [weights, allValues], 'mixed');
  const unstacked = op('Reshape', [mixed, graph.ints(groups, sharing, -1, headDim)], 'unstacked');
  const tokenFirst = op('Transpose', [unstacked], 'token_first', { perm: [2, 0, 1, 3] });
  return op('Reshape', [tokenFirst, graph.ints(-1, groups * sharing * headDim)], 'mixed_rows');
}
