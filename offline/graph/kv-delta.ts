import { GRAPH } from '../../core/elastic-graph.ts';
import type { ModelConfig } from '../../core/model-config.ts';
import type { GraphBuilder } from './graph-builder.ts';
import { STORED } from './decoder-weights.ts';

/**
 * The new KV rows of all layers as one output [2, G, T, headDim], made once from the packed q/k/v rows: cheaper
 * than fetching or slicing each layer's cache (runtime.md §11, idea "R"). Layers that are off bring zero rows.
 *
 * @param qkv per layer [1 or 0, T, qkv width]
 */
export function emitKvDelta(
  graph: GraphBuilder,
  config: ModelConfig,
  qkv: readonly string[],
  tokens: string,
): void {
  const { heads, kvHeads, headDim } = config;
  const queryWidth = heads * headDim;
  const kvWidth = kvHeads * headDim;
  const all = graph.node('Concat', qkv, ['kv.packed'], { axis: 0 });
  const slice = (name: string, from: number): string =>
    graph.node('Slice', [all, graph.ints(from), graph.ints(from + kvWidth), graph.ints(2)], [name]);
  const keys = slice('kv.keys', queryWidth);
  const values = slice('kv.values', queryWidth + kvWidth);

  // Position of the first new row: total_length - T; one offset for all layers.
  const total = graph.node('Cast', [GRAPH.totalLength], ['kv.total'], { to: 7 });
  const offset = graph.node('Sub', [total, tokens], ['kv.offset']);
  const rotated = graph.node(
    'RotaryEmbedding',
    [keys, offset, graph.weight(STORED.ropeCos), graph.weight(STORED.ropeSin)],
    ['kv.rotated'],
  );
  const both = graph.node('Concat', [rotated, values], ['kv.both'], { axis: 0 });
  const byHead = graph.node('Reshape', [both, graph.ints(0, 0, kvHeads, headDim)], ['kv.by_head']);
  const headFirst = graph.node('Transpose', [byHead], ['kv.head_first'], { perm: [0, 2, 1, 3] });
  const shape = graph.node('Concat', [graph.ints(2, -1), tokens, graph.ints(headDim)], ['kv.shape'], {
    axis: 0,
  });
  graph.node('Reshape', [headFirst, shape], [GRAPH.kvDelta]);
}
