import { emitHeads, qkvWidth, type AttentionSegment, type HeadsContext } from './attention-heads.ts';
import type { Gates } from './gates.ts';
import type { GraphBuilder } from './graph-builder.ts';
import type { KvRows } from './kv-rows.ts';
import { linearInput } from './linear.ts';
import { emitAddNorm, normWeight, type Stream } from './residual-stream.ts';
import type { SumShapes } from './sum-segments.ts';

export interface AttentionContext extends HeadsContext {
  /** int64 [1]: T. */
  readonly tokens: string;
  readonly gates: Gates;
  readonly sumShapes: () => SumShapes;
  /** int64 [4]: [1, T, 2, 0], the KV rows of a part that is off. */
  readonly noKvRows: () => string;
}

/** What the MLP and the KV output need: normalized MLP input, residual with attention added, new KV rows. */
export interface Attended {
  readonly normed: string;
  readonly residual: string;
  readonly rows: KvRows;
}

/** An uncut layer's values; its packed rows are [1, T, qkv], or [0, T, qkv] where the attention is off. */
interface Packed {
  readonly normed: string;
  readonly residual: string;
  readonly qkv: string;
}

/**
 * The attention of a layer that has one segment: norm, heads, residual add and the MLP's norm. Where it is
 * gated this is the then-branch of a depth-1 `If` (GroupQueryAttention of ONNX Runtime 1.30 refuses empty
 * inputs), and the else-branch only adds and normalizes. Weights stay initializers of the main graph: local
 * ones cost memory and nested `If`s lose prepacking.
 *
 * @param condition bool [1]: whether the segment is on; null = always
 */
export function emitAttention(
  graph: GraphBuilder,
  context: AttentionContext,
  segment: AttentionSegment,
  stream: Stream,
  condition: string | null,
): Attended {
  const { config } = context;
  const { layer } = segment;
  const name = `layers.${layer}`;
  const attended = ({ normed, residual, qkv }: Packed): Attended => ({
    normed,
    residual,
    rows: { packed: qkv },
  });
  if (condition === null) return attended(emitOn(graph, context, segment, stream, name));

  const d = config.hiddenSize;
  const width = qkvWidth(config, config.kvHeads);
  const declare = (branch: GraphBuilder, values: Packed): void => {
    branch.output(values.normed, 'float32', [1, 'T', d]);
    branch.output(values.residual, 'float32', [1, 'T', d]);
    branch.output(values.qkv, 'float32', ['A', 'T', width]);
  };
  const on = graph.subgraph(`${name}.attention_on`, (branch) =>
    declare(branch, emitOn(branch, context, segment, stream, `${name}.on`)),
  );
  const off = graph.subgraph(`${name}.attention_off`, (branch) => {
    const added = emitAddNorm(
      branch,
      config,
      stream,
      normWeight(branch, context.adapter, layer, 'mlpNorm'),
      `${name}.off`,
    );
    const shape = branch.node(
      'Concat',
      [branch.ints(0), context.tokens, branch.ints(width)],
      [`${name}.off.qkv_shape`],
      { axis: 0 },
    );
    const qkv = branch.node('ConstantOfShape', [shape], [`${name}.off.qkv`]);
    const residual = stream.update === null ? `${name}.off.residual` : added.residual;
    // A branch may not hand out a value of the outer graph as it is.
    if (stream.update === null) branch.node('Identity', [added.residual], [residual]);
    declare(branch, { normed: added.normed, residual, qkv });
  });
  const packed = { normed: `${name}.mlp_in`, residual: `${name}.residual`, qkv: `${name}.qkv_rows` };
  graph.node('If', [condition], [packed.normed, packed.residual, packed.qkv], {
    then_branch: on,
    else_branch: off,
  });
  return attended(packed);
}

function emitOn(
  graph: GraphBuilder,
  context: AttentionContext,
  segment: AttentionSegment,
  stream: Stream,
  name: string,
): Packed {
  const { config, onActivation } = context;
  const { layer, weights } = segment;
  const { normed, residual } = emitAddNorm(
    graph,
    config,
    stream,
    normWeight(graph, context.adapter, layer, 'attentionNorm'),
    `${name}.attention`,
  );
  const attentionIn = onActivation(layer, 'attention-in', normed);
  const input = linearInput(graph, weights.qkv.form, attentionIn);
  const { out, qkv } = emitHeads(graph, context, segment, input, name);
  const added = emitAddNorm(
    graph,
    config,
    { residual, update: out },
    normWeight(graph, context.adapter, layer, 'mlpNorm'),
    `${name}.mlp`,
  );
  return { ...added, qkv };
}
