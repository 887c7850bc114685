import {
  attentionSegments,
  gatedSegments,
  GRAPH,
  pastKeyName,
  pastValueName,
} from '../../core/elastic-graph.ts';
import type { ModelConfig } from '../../core/model-config.ts';
import type { AdapterShape, RuntimeSite } from '../../core/recovery-adapter.ts';
import type { LevelPlan } from '../levels/level-plan.ts';
import { emitAdapter, NO_ADAPTER } from './adapter.ts';
import { emitAttention, type Attended, type AttentionContext } from './attention-block.ts';
import type { AttentionSegment } from './attention-heads.ts';
import { emitCutAttention } from './cut-attention.ts';
import type { DecoderWeights } from './decoder-weights.ts';
import { GraphBuilder } from './graph-builder.ts';
import { emitKvOutput, type KvRows } from './kv-rows.ts';
import { emitLinear, linearInput } from './linear.ts';
import { emitMlp, type MlpContext } from './mlp-block.ts';
import { emitEmbedding } from './embedding.ts';
import { emitGates } from './gates.ts';
import { emitAddNorm, normWeight, type Stream } from './residual-stream.ts';
import { sumShapes } from './sum-segments.ts';
import type { WeightCatalog } from './weights-file.ts';

/** How off MLP segments are skipped: by zero rows, or by a depth-1 `If`; attention is skipped by `If`s in both. */
export type Gating = 'zero-row' | 'conditional';

/** Activations that calibration looks at: the inputs of a layer's four groups of products. */
export type ActivationKind = 'attention-in' | 'attention-out' | 'mlp-in' | 'mlp-hidden';

export interface DecoderGraphOptions {
  readonly config: ModelConfig;
  readonly plan: Pick<LevelPlan, 'segments' | 'ranking' | 'alwaysOn'>;
  readonly weights: DecoderWeights;
  readonly catalog: WeightCatalog;
  /** Name of the weights file relative to the graph. */
  readonly weightsFile: string;
  readonly gating: Gating;
  /** Recovery adapters whose matrices the graph takes as inputs (core/adapter-inputs.ts); default: none. */
  readonly adapter?: AdapterShape<RuntimeSite> | null;
  /**
   * Called for each activation of an ungated model; may add inputs, nodes and outputs, and returns the value
   * to go on with (calibration).
   */
  readonly onActivation?: (graph: GraphBuilder, layer: number, kind: ActivationKind, value: string) => string;
}

const INT64_MAX_END = Number.MAX_SAFE_INTEGER;

/**
 * Writes the elastic decoder as an ONNX model (bytes of the graph file). Inputs and outputs: core/elastic-graph.ts;
 * design: reference measurements on ONNX Runtime 1.30 (docs/decisions/0041-zero-rows-added-up-by-a-product.md).
 */
export function writeDecoderGraph(options: DecoderGraphOptions): Uint8Array {
  const { config, plan, weights } = options;
  const graph = GraphBuilder.create(options.catalog, options.weightsFile);
  const { headDim } = config;
  const attention = attentionSegments(plan.segments).map((index, place) => {
    const stored = weights.attention.get(index);
    const layer = plan.segments[index]?.layer;
    if (stored === undefined || layer === undefined) throw new RangeError(`no weights for segment ${index}`);
    return [index, { layer, place, weights: stored }] as const;
  });

  graph.input(GRAPH.inputIds, 'int64', [1, 'T']);
  const gated = gatedSegments(plan);
  graph.input(GRAPH.segmentsOn, 'int64', [gated.length]);
  graph.input(GRAPH.seqlensK, 'int32', [1]);
  graph.input(GRAPH.totalLength, 'int32', []);
  graph.input(GRAPH.logitsStart, 'int64', [1]);
  for (const [, { place, weights: stored }] of attention)
    for (const name of [pastKeyName(place), pastValueName(place)])
      graph.input(name, 'float32', [1, stored.groups, 'C', headDim]);

  const tokens = graph.node('Shape', [GRAPH.inputIds], ['tokens'], { start: 1, end: 2 });
  const gates = emitGates(graph, plan.segments, gated, tokens, options.gating);
  const onActivation = (layer: number, kind: ActivationKind, value: string): string =>
    options.onActivation?.(graph, layer, kind, value) ?? value;

  const shape = options.adapter ?? null;
  const adapter = shape === null ? NO_ADAPTER : emitAdapter(graph, config, shape);
  const shapes = sumShapes(graph, config, plan.segments, tokens);
  const shared = { config, gates, adapter, onActivation, sumShapes: shapes };
  const attentionContext: AttentionContext = { ...shared, tokens, noKvRows: noKvRows(graph, tokens) };
  const mlpContext: MlpContext = { ...shared, weights, plan, gating: options.gating };

  let stream: Stream = { residual: emitEmbedding(graph, GRAPH.inputIds, 'embedded'), update: null };
  const kvRows: KvRows[] = [];
  for (let layer = 0; layer < config.layers; layer++) {
    const own = attention.filter(([, segment]) => segment.layer === layer);
    const attended = emitLayerAttention(graph, attentionContext, layer, own, stream);
    kvRows.push(attended.rows);
    stream = emitMlp(graph, mlpContext, layer, attended.normed, attended.residual);
  }

  emitKvOutput(graph, config, kvRows, tokens);
  const { normed } = emitAddNorm(
    graph,
    config,
    stream,
    normWeight(graph, adapter, config.layers, 'finalNorm'),
    'final',
  );
  const asked = graph.node(
    'Slice',
    [normed, GRAPH.logitsStart, graph.ints(INT64_MAX_END), graph.ints(1)],
    ['logits_rows'],
  );
  emitLinear(graph, weights.head, linearInput(graph, weights.head.form, asked), GRAPH.logits);
  graph.output(GRAPH.logits, 'float32', [1, 'R', config.vocabSize]);
  graph.output(GRAPH.kvDelta, 'float32', [2, 'G', 'T', headDim]);
  return graph.encode('elastic-decoder');
}

function emitLayerAttention(
  graph: GraphBuilder,
  context: AttentionContext,
  layer: number,
  segments: readonly (readonly [index: number, segment: AttentionSegment])[],
  stream: Stream,
): Attended {
  const [only] = segments;
  if (only === undefined) throw new RangeError(`layer ${layer} has no attention segment`);
  if (segments.length > 1) return emitCutAttention(graph, context, layer, segments, stream);
  const [index, segment] = only;
  return emitAttention(graph, context, segment, stream, context.gates.condition(index));
}

/** The shape of no KV rows, added to the graph at the first call. */
function noKvRows(graph: GraphBuilder, tokens: string): () => string {
  let made: string | null = null;
  return () =>
    (made ??= graph.node('Concat', [graph.ints(1), tokens, graph.ints(2, 0)], ['kv.none'], { axis: 0 }));
}
