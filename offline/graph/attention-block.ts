import { GRAPH, pastKeyName, pastValueName } from '../../core/elastic-graph.ts';
import type { ModelConfig } from '../../core/model-config.ts';
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
  readonly onActivation: (layer: number, kind: ActivationKind, value: string) => string;
}

/** What the MLP and the KV output need: normalized MLP input, residual with attention added, packed q/k/v rows. */
interface Attended {
  readonly normed: string;
  readonly residual: string;
  /** [1, T, qkv], or [0, T, qkv] where the layer's attention is off. */
  readonly qkv: string;
}

export function qkvWidth(config: ModelConfig): number {
  return (config.heads + 2 * config.kvHeads) * config.headDim;
}

/**
 * Norm, packed q/k/v, grouped-query attention, output product, residual add and the MLP's norm. Where the
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
  const qkv = emitLinear(
    graph,
    products.qkv,
    linearInput(graph, products.qkv.form, attentionIn),
    `${name}.qkv`,
  );
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
  const update = emitLinear(
    graph,
    products.o,
    linearInput(graph, products.o.form, attentionOut),
    `${name}.attention_out`,
  );
  const added = emitAddNorm(graph, config, { residual, update }, STORED.mlpNorm(layer), `${name}.mlp`);
  return { ...added, qkv };
}
