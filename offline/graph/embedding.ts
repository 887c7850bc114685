import { STORED } from './decoder-weights.ts';
import type { GraphBuilder } from './graph-builder.ts';

/** Rows of the model's embedding as the weights file stores it, [...ids, hidden] in f32. */
export function emitEmbedding(graph: GraphBuilder, ids: string, output: string): string {
  const table = graph.weight(STORED.embedding);
  if (graph.stored(STORED.embedding).type === 'float32') return graph.node('Gather', [table, ids], [output]);
  return graph.node('GatherBlockQuantized', [table, ids, graph.weight(STORED.embeddingScale)], [output], {
    bits: 8,
    block_size: 32,
    gather_axis: 0,
    quantize_axis: 1,
  });
}
