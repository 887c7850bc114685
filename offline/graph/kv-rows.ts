import { GRAPH } from '../../core/elastic-graph.ts';
import type { ModelConfig } from '../../core/model-config.ts';
import { queryHeads } from './attention-heads.ts';
import { STORED } from './decoder-weights.ts';
import type { GraphBuilder } from './graph-builder.ts';
import { emitKvDelta } from './kv-delta.ts';

/**
 * A layer's new KV rows, not rotated: packed behind the queries of the uncut layer, [1 or 0, T, qkv], or one
 * value per segment of a cut one, [1, T, 2, groups * headDim] (keys, then values; no groups where it is off).
 */
export type KvRows = { readonly packed: string } | { readonly pairs: readonly string[] };

/** Keys and values behind `queryWidth` channels of packed rows, as [1, T, 2, K]; [0, T, qkv] gives K = 0. */
export function emitKvPairs(graph: GraphBuilder, qkv: string, queryWidth: number, name: string): string {
  const rows = graph.node(
    'Slice',
    [qkv, graph.ints(queryWidth), graph.ints(Number.MAX_SAFE_INTEGER), graph.ints(2)],
    [`${name}.kv_rows`],
  );
  return graph.node('Reshape', [rows, graph.ints(1, 0, 2, -1)], [`${name}.kv_pairs`]);
}

/** The output `kv_delta` [2, G, T, headDim] of all layers, cheaper where none of them is cut. */
export function emitKvOutput(
  graph: GraphBuilder,
  config: ModelConfig,
  layers: readonly KvRows[],
  tokens: string,
): void {
  const packed = layers.flatMap((rows) => ('packed' in rows ? [rows.packed] : []));
  if (packed.length === layers.length) {
    emitKvDelta(graph, config, packed, tokens);
    return;
  }
  const { headDim } = config;
  const queryWidth = queryHeads(config, config.kvHeads) * headDim;
  const pairs = layers.flatMap((rows, layer) =>
    'pairs' in rows ? rows.pairs : [emitKvPairs(graph, rows.packed, queryWidth, `layers.${layer}`)],
  );
  const all = graph.node('Concat', pairs, ['kv.pairs'], { axis: 3 });
  const shape = graph.node('Concat', [tokens, graph.ints(2, -1, headDim)], ['kv.shape'], { axis: 0 });
  const byHead = graph.node('Reshape', [all, shape], ['kv.by_head']);
  const headFirst = graph.node('Transpose', [byHead], ['kv.head_first'], { perm: [1, 2, 0, 3] });
  graph.node('Split', [headFirst, graph.ints(1, 1)], ['kv.keys', 'kv.values'], { axis: 0 });
  // Position of the first new row: total_length - T; one offset for all.
  const total = graph.node('Cast', [GRAPH.totalLength], ['kv.total'], { to: 7 });
  const offset = graph.node('Sub', [total, tokens], ['kv.offset']);
  const rotated = graph.node(
    'RotaryEmbedding',
    ['kv.keys', offset, graph.weight(STORED.ropeCos), graph.weight(STORED.ropeSin)],
    ['kv.rotated'],
  );
  graph.node('Concat', [rotated, 'kv.values'], [GRAPH.kvDelta], { axis: 0 });
}
