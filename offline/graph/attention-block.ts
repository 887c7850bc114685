import { GRAPH, pastKeyName, pastValueName } from '../../core/elastic-graph.ts';
import type { ModelConfig } from '../../core/model-config.ts';
import type { AdapterNodes } from './adapter.ts';
import type { ActivationKind } from './decoder-graph.ts';
import { STORED, type DecoderWeights } from './decoder-weights.ts';
import type { GraphBuilder } from './graph-builder.ts';
import { emitLinear, linearInput } from './linear.ts';
import { emitAddNorm, type Stream } from './residual-stream.ts';

export interface AttentionContext {
  readonly config: ModelConfig;
  readonly weights: DecoderWeights;
  /** int64 [1]: T. */
  readonly tokens: string;
  readonly adapter: AdapterNodes;
  readonly onActivation: (layer: number, kind: ActivationKind, value: string) => string;
}

/** What the MLP and the KV output need: normalized MLP input, residual with attention added, packed q/k/v rows. */
interface Attended {
  readonly normed: string;
  readonly residual: string;
  /** [1, T, qkv] as attention reads them (biased, normed, not rotated), or [0, T, qkv] where the layer's attention is off. */
  readonly qkv: string;
}

export function qkvWidth(config: ModelConfig): number {
  return (config.heads + 2 * config.kvHeads) * config.headDim;
}

/**
 * Norm, packed q/k/v (with bias and head norms where the model has them), grouped-query attention, output product, residual add and the MLP's norm. Where the
 * layer's attention is gated this is the then-branch of a depth-1 `If` (GroupQueryAttention of ONNX Runtime
 * 1.30 refuses empty inputs), and the else-branch only adds and normalizes. Weights stay initializers of the
 * main graph: local ones cost memory and nested `If`s lose prepacking.
 */
export function emitAttention(
  graph: GraphBuilder,
  context: AttentionContext,
  layer: number,
  stream: Stream,
  condition: string | null,
): Attended {
  const name = `layers.${layer}`;
  if (condition === null) return emitOn(graph, context, layer, stream, name);

  const { config } = context;
  const d = config.hiddenSize;
  const declare = (branch: GraphBuilder, values: Attended): void => {
    branch.output(values.normed, 'float32', [1, 'T', d]);
    branch.output(values.residual, 'float32', [1, 'T', d]);
    branch.output(values.qkv, 'float32', ['A', 'T', qkvWidth(config)]);
  };
  const on = graph.subgraph(`${name}.attention_on`, (branch) =>
    declare(branch, emitOn(branch, context, layer, stream, `${name}.on`)),
  );
  const off = graph.subgraph(`${name}.attention_off`, (branch) => {
    const added = emitAddNorm(branch, config, stream, STORED.mlpNorm(layer), `${name}.off`);
    const shape = branch.node(
      'Concat',
      [branch.ints(0), context.tokens, branch.ints(qkvWidth(config))],
      [`${name}.off.qkv_shape`],
      { axis: 0 },
    );
    const qkv = branch.node('ConstantOfShape', [shape], [`${name}.off.qkv`]);
    const residual = stream.update === null ? `${name}.off.residual` : added.residual;
    // A branch may not hand out a value of the outer graph as it is.
    if (stream.update === null) branch.node('Identity', [added.residual], [residual]);
    declare(branch, { normed: added.normed, residual, qkv });
  });
  const attended = { normed: `${name}.mlp_in`, residual: `${name}.residual`, qkv: `${name}.qkv_rows` };
  graph.node('If', [condition], [attended.normed, attended.residual, attended.qkv], {
    then_branch: on,
    else_branch: off,
  });
  return attended;
}

function emitOn(
  graph: GraphBuilder,
  context: AttentionContext,
  layer: number,
  stream: Stream,
  name: string,
): Attended {
  const { config, weights, onActivation } = context;
  const products = weights.attention[layer];
  if (products === undefined) throw new RangeError(`no attention weights for layer ${layer}`);
  const { normed, residual } = emitAddNorm(
    graph,
    config,
    stream,
    STORED.attentionNorm(layer),
    `${name}.attention`,
  );
  const attentionIn = onActivation(layer, 'attention-in', normed);
  const rows = emitLinear(
    graph,
    products.qkv,
    linearInput(graph, products.qkv.form, attentionIn),
    `${name}.qkv`,
  );
  const qkv = emitHeadNorm(graph, config, layer, emitBias(graph, config, layer, rows, name), name);
  const mixed = graph.node(
    'GroupQueryAttention',
    [
      qkv,
      '',
      '',
      pastKeyName(layer),
      pastValueName(layer),
      GRAPH.seqlensK,
      GRAPH.totalLength,
      graph.weight(STORED.ropeCos),
      graph.weight(STORED.ropeSin),
    ],
    [`${name}.mixed`, `${name}.present_key`, `${name}.present_value`],
    { num_heads: config.heads, kv_num_heads: config.kvHeads, do_rotary: 1 },
  );
  const attentionOut = onActivation(layer, 'attention-out', mixed);
  const out = emitLinear(
    graph,
    products.o,
    linearInput(graph, products.o.form, attentionOut),
    `${name}.attention_out`,
  );
  const recovered = context.adapter.product(graph, 'o', layer, attentionOut, name);
  const update =
    recovered === null ? out : graph.node('Add', [out, recovered], [`${name}.attention_recovered`]);
  const added = emitAddNorm(graph, config, { residual, update }, STORED.mlpNorm(layer), `${name}.mlp`);
  return { ...added, qkv };
}

/** Adds the packed bias of q, k and v where the model has one. */
function emitBias(
  graph: GraphBuilder,
  config: ModelConfig,
  layer: number,
  qkv: string,
  name: string,
): string {
  if (!config.qkvBias) return qkv;
  return graph.node('Add', [qkv, graph.weight(STORED.qkvBias(layer))], [`${name}.qkv_biased`]);
}

/**
 * Normalizes every query and key head of the packed rows where the model does so. All heads in one kernel: a
 * norm without weights, then one product with the weights of each head.
 */
function emitHeadNorm(
  graph: GraphBuilder,
  config: ModelConfig,
  layer: number,
  qkv: string,
  name: string,
): string {
  if (!config.qkNorm) return qkv;
  const { heads, kvHeads, headDim } = config;
  const width = (heads + kvHeads) * headDim;
  const queriesAndKeys = `${name}.qk`;
  const values = `${name}.v`;
  graph.node('Split', [qkv, graph.ints(width, kvHeads * headDim)], [queriesAndKeys, values], { axis: 2 });
  const byHead = graph.node(
    'Reshape',
    [queriesAndKeys, graph.ints(0, 0, heads + kvHeads, headDim)],
    [`${name}.qk_heads`],
  );
  const normed = graph.node(
    'SimplifiedLayerNormalization',
    [byHead, graph.weight(STORED.headOnes)],
    [`${name}.qk_normed`],
    { axis: -1, epsilon: { float: config.rmsNormEps } },
  );
  const weighted = graph.node('Mul', [normed, graph.weight(STORED.headNorm(layer))], [`${name}.qk_weighted`]);
  const flat = graph.node('Reshape', [weighted, graph.ints(0, 0, width)], [`${name}.qk_rows`]);
  return graph.node('Concat', [flat, values], [`${name}.qkv_normed`], { axis: 2 });
}
