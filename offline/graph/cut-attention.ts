import type { Attended, AttentionContext } from './attention-block.ts';
import { emitHeads, queryHeads, type AttentionSegment } from './attention-heads.ts';
import type { GraphBuilder } from './graph-builder.ts';
import { emitKvPairs } from './kv-rows.ts';
import { linearInput, type LinearInput } from './linear.ts';
import { emitAddNorm, normWeight, type Stream } from './residual-stream.ts';
import { emitSum } from './sum-segments.ts';

/** One segment's [1, T, hidden] or [1, 0, hidden], and its KV rows [1, T, 2, K] or [1, T, 2, 0]. */
interface Part {
  readonly out: string;
  readonly pairs: string;
}

/**
 * The attention of a layer that is cut into segments of whole KV groups: each is a small attention of its own
 * over the same normalized rows, and their outputs are added up like the MLP's. A gated one is the then-branch
 * of a depth-1 `If` in both gatings, because GroupQueryAttention refuses empty inputs.
 *
 * @param segments at least two, in the order of their groups, each with its index into the plan's segments
 */
export function emitCutAttention(
  graph: GraphBuilder,
  context: AttentionContext,
  layer: number,
  segments: readonly (readonly [index: number, segment: AttentionSegment])[],
  stream: Stream,
): Attended {
  const { config, gates, onActivation } = context;
  const name = `layers.${layer}.attention`;
  const form = segments[0]?.[1].weights.qkv.form;
  if (form === undefined) throw new RangeError(`layer ${layer} has no attention segment`);
  const { normed, residual } = emitAddNorm(
    graph,
    config,
    stream,
    normWeight(graph, context.adapter, layer, 'attentionNorm'),
    name,
  );
  const input = linearInput(graph, form, onActivation(layer, 'attention-in', normed));
  const parts = segments.map(([index, segment]): Part => {
    const part = `${name}.${segment.weights.groupStart}`;
    const condition = gates.condition(index);
    return condition === null
      ? emitPart(graph, context, segment, input, part)
      : emitGatedPart(graph, context, segment, input, part, condition);
  });
  const update = emitSum(
    graph,
    context.sumShapes,
    parts.map(({ out }) => out),
    name,
  );
  const added = emitAddNorm(
    graph,
    config,
    { residual, update },
    normWeight(graph, context.adapter, layer, 'mlpNorm'),
    `layers.${layer}.mlp`,
  );
  return { ...added, rows: { pairs: parts.map(({ pairs }) => pairs) } };
}

function emitPart(
  graph: GraphBuilder,
  context: AttentionContext,
  segment: AttentionSegment,
  input: LinearInput,
  name: string,
): Part {
  const { config } = context;
  const { out, qkv } = emitHeads(graph, context, segment, input, name);
  const queryWidth = queryHeads(config, segment.weights.groups) * config.headDim;
  return { out, pairs: emitKvPairs(graph, qkv, queryWidth, name) };
}

function emitGatedPart(
  graph: GraphBuilder,
  context: AttentionContext,
  segment: AttentionSegment,
  input: LinearInput,
  name: string,
  condition: string,
): Part {
  const noRows = context.noKvRows();
  const { hiddenSize } = context.config;
  const declare = (branch: GraphBuilder, { out, pairs }: Part): void => {
    branch.output(out, 'float32', [1, 'S', hiddenSize]);
    branch.output(pairs, 'float32', [1, 'T', 2, 'K']);
  };
  const on = graph.subgraph(`${name}.segment_on`, (branch) =>
    declare(branch, emitPart(branch, context, segment, input, `${name}.on`)),
  );
  const off = graph.subgraph(`${name}.segment_off`, (branch) => {
    const out = branch.node('Identity', [branch.empty(1, 0, hiddenSize)], [`${name}.off.out`]);
    declare(branch, { out, pairs: branch.node('ConstantOfShape', [noRows], [`${name}.off.kv`]) });
  });
  const part = { out: `${name}.out`, pairs: `${name}.kv` };
  graph.node('If', [condition], [part.out, part.pairs], { then_branch: on, else_branch: off });
  return part;
}
