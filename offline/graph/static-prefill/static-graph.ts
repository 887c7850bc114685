import type { BundleRecovery } from '../../../core/bundle-manifest.ts';
import { attentionSegments, segmentsOnAt } from '../../../core/elastic-graph.ts';
import type { Level } from '../../../core/level.ts';
import type { ModelConfig } from '../../../core/model-config.ts';
import { EMBEDDING_GRAPH, STATIC_DIMS, STATIC_GRAPH, staticLayers } from '../../../core/static-prefill.ts';
import type { LevelPlan } from '../../levels/level-plan.ts';
import type { DecoderWeights } from '../decoder-weights.ts';
import { emitEmbedding } from '../embedding.ts';
import { GraphBuilder } from '../graph-builder.ts';
import type { WeightCatalog } from '../weights-file.ts';
import { adapterConstants } from './adapter-constants.ts';
import { emitStaticAttention, type StaticAttended, type StaticContext } from './static-attention.ts';
import { emitStaticMlp } from './static-mlp.ts';
import { emitJoined } from './stored-matrix.ts';

export interface StaticGraphOptions {
  readonly config: ModelConfig;
  readonly plan: Pick<LevelPlan, 'segments' | 'ranking' | 'alwaysOn'>;
  readonly weights: DecoderWeights;
  readonly catalog: WeightCatalog;
  /** Name of the weights file relative to the graph. */
  readonly weightsFile: string;
  readonly recovery: BundleRecovery | null;
}

/**
 * Writes one level as a static prefill graph (core/static-prefill.ts), up to the last layer whose attention is on:
 * nothing behind it reaches a KV row. null where no attention is on.
 */
export function writeStaticGraph(
  options: StaticGraphOptions,
  { level, prefix }: { readonly level: Level; readonly prefix: number },
): Uint8Array | null {
  const { config, plan, weights } = options;
  const { headDim, hiddenSize } = config;
  const layers = staticLayers(plan, prefix);
  const last = layers.at(-1)?.layer;
  if (last === undefined) return null;
  const graph = GraphBuilder.create(options.catalog, options.weightsFile);
  const { tokens, past, total, queries } = STATIC_DIMS;
  graph.input(STATIC_GRAPH.rows, 'float32', [tokens, hiddenSize]);
  for (const name of [STATIC_GRAPH.cos, STATIC_GRAPH.sin]) graph.input(name, 'float32', [tokens, 1, headDim]);
  graph.input(STATIC_GRAPH.mask, 'float32', [1, queries, total]);
  for (const { layer, groups } of layers)
    if (layer !== last)
      for (const name of [STATIC_GRAPH.pastKey(layer), STATIC_GRAPH.pastValue(layer)])
        graph.input(name, 'float32', [groups, past, headDim]);

  const on = segmentsOnAt(plan, prefix);
  const attention = attentionSegments(plan.segments);
  const context: StaticContext = { config, adapter: adapterConstants(config, options.recovery, level) };
  const attended: StaticAttended[] = [];
  let residual: string = STATIC_GRAPH.rows;
  for (let layer = 0; layer <= last; layer++) {
    const own = layers.find((each) => each.layer === layer);
    if (own !== undefined) {
      const segments = own.places.map((place) => stored(weights.attention, attention[place]));
      const out = emitStaticAttention(graph, context, { ...own, segments }, residual, layer === last);
      attended.push(out);
      if (out.residual === null) break;
      residual = out.residual;
    }
    const neurons = plan.segments.flatMap((segment, index) =>
      segment.layer === layer && segment.kind === 'mlp' && on[index] === true
        ? [stored(weights.mlp, index)]
        : [],
    );
    residual = emitStaticMlp(graph, context, layer, neurons, residual);
  }
  const rows = [...attended.map(({ key }) => key), ...attended.map(({ value }) => value)];
  emitJoined(graph, rows, 0, STATIC_GRAPH.kvDelta);
  const groups = layers.reduce((sum, each) => sum + each.groups, 0);
  graph.output(STATIC_GRAPH.kvDelta, 'float32', [2 * groups, tokens, headDim]);
  return graph.encode(`static-prefill-${level}`);
}

/** Writes the graph of embedding rows, which runs on the CPU. */
export function writeEmbeddingGraph(
  options: Pick<StaticGraphOptions, 'config' | 'catalog' | 'weightsFile'>,
): Uint8Array {
  const graph = GraphBuilder.create(options.catalog, options.weightsFile);
  graph.input(EMBEDDING_GRAPH.ids, 'int32', [STATIC_DIMS.tokens]);
  emitEmbedding(graph, EMBEDDING_GRAPH.ids, EMBEDDING_GRAPH.rows);
  graph.output(EMBEDDING_GRAPH.rows, 'float32', [STATIC_DIMS.tokens, options.config.hiddenSize]);
  return graph.encode('embedding-rows');
}

function stored<T>(weights: ReadonlyMap<number, T>, index: number | undefined): T {
  const found = index === undefined ? undefined : weights.get(index);
  if (found === undefined) throw new RangeError(`no weights for segment ${index}`);
  return found;
}
