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
import { emitAttention, type AttentionContext } from './attention-block.ts';
import { STORED, type DecoderWeights } from './decoder-weights.ts';
import { GraphBuilder } from './graph-builder.ts';
import { emitKvDelta } from './kv-delta.ts';
import { emitLinear, linearInput } from './linear.ts';
import { emitMlp, mlpShapes, type MlpContext } from './mlp-block.ts';
import { emitGates } from './gates.ts';
import { emitAddNorm, type Stream } from './residual-stream.ts';
import type { WeightCatalog } from './weights-file.ts';

/** How off MLP segments are skipped: by zero rows, or by a depth-1 `If`. */
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
  const { headDim, kvHeads } = config;
  const attentionOrder = attentionSegments(plan.segments);
  if (attentionOrder.length !== config.layers)
    throw new RangeError('attention is cut: this writer wants one attention segment in every layer');

  graph.input(GRAPH.inputIds, 'int64', [1, 'T']);
  const gated = gatedSegments(plan);
  graph.input(GRAPH.segmentsOn, 'int64', [gated.length]);
  graph.input(GRAPH.seqlensK, 'int32', [1]);
  graph.input(GRAPH.totalLength, 'int32', []);
  graph.input(GRAPH.logitsStart, 'int64', [1]);
  for (const index of attentionOrder.keys())
    for (const name of [pastKeyName(index), pastValueName(index)])
      graph.input(name, 'float32', [1, kvHeads, 'C', headDim]);

  const tokens = graph.node('Shape', [GRAPH.inputIds], ['tokens'], { start: 1, end: 2 });
  const gates = emitGates(graph, plan.segments, gated, tokens, options.gating);
  const onActivation = (layer: number, kind: ActivationKind, value: string): string =>
    options.onActivation?.(graph, layer, kind, value) ?? value;

  const shape = options.adapter ?? null;
  const adapter = shape === null ? NO_ADAPTER : emitAdapter(graph, config, shape);
  const attentionContext: AttentionContext = { config, weights, tokens, adapter, onActivation };
  const shapes = mlpShapes(graph, config, plan, tokens);
  const mlpContext: MlpContext = {
    config,
    weights,
    plan,
    gates,
    shapes,
    gating: options.gating,
    adapter,
    onActivation,
  };

  let stream: Stream = { residual: emitEmbedding(graph, weights), update: null };
  const qkv: string[] = [];
  for (let layer = 0; layer < config.layers; layer++) {
    const segment = attentionOrder[layer] as number;
    const attended = emitAttention(graph, attentionContext, layer, stream, gates.condition(segment));
    qkv.push(attended.qkv);
    stream = emitMlp(graph, mlpContext, layer, attended.normed, attended.residual);
  }

  emitKvDelta(graph, config, qkv, tokens);
  const { normed } = emitAddNorm(graph, config, stream, STORED.finalNorm, 'final');
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

function emitEmbedding(graph: GraphBuilder, weights: DecoderWeights): string {
  const table = graph.weight(STORED.embedding);
  if (weights.embedding === 'f32') return graph.node('Gather', [table, GRAPH.inputIds], ['embedded']);
  return graph.node(
    'GatherBlockQuantized',
    [table, GRAPH.inputIds, graph.weight(STORED.embeddingScale)],
    ['embedded'],
    { bits: 8, block_size: 32, gather_axis: 0, quantize_axis: 1 },
  );
}
