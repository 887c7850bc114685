import type { ModelConfig } from '../../core/model-config.ts';
import type { LevelPlan } from '../levels/level-plan.ts';
import type { AdapterNodes } from './adapter.ts';
import type { ActivationKind, Gating } from './decoder-graph.ts';
import type { DecoderWeights } from './decoder-weights.ts';
import type { Gates } from './gates.ts';
import type { GraphBuilder } from './graph-builder.ts';
import { emitLinear, linearInput, type LinearInput } from './linear.ts';
import type { Stream } from './residual-stream.ts';
import { emitSum, type SumShapes } from './sum-segments.ts';

export interface MlpContext {
  readonly config: ModelConfig;
  readonly weights: DecoderWeights;
  readonly plan: Pick<LevelPlan, 'segments'>;
  readonly gates: Gates;
  readonly sumShapes: () => SumShapes;
  readonly gating: Gating;
  readonly adapter: AdapterNodes;
  readonly onActivation: (layer: number, kind: ActivationKind, value: string) => string;
}

/**
 * A layer's MLP: the sum of its segments' products. Gated segments receive no rows (zero-row) or are skipped
 * by an `If`; either way their output has 0 or T rows. An adapter's product is one more of them.
 */
export function emitMlp(
  graph: GraphBuilder,
  context: MlpContext,
  layer: number,
  normed: string,
  residual: string,
): Stream {
  const { plan, weights, gates, config } = context;
  const indices = plan.segments.flatMap((s, i) => (s.layer === layer && s.kind === 'mlp' ? [i] : []));
  const form = weights.mlp.get(indices[0] ?? -1)?.gate.form;
  if (form === undefined) throw new RangeError(`layer ${layer} has no MLP segment`);
  const rowsIn = context.onActivation(layer, 'mlp-in', normed);
  const input = linearInput(graph, form, rowsIn);
  const parts: string[] = [];
  let gatedParts = 0;
  for (const index of indices) {
    const name = `layers.${layer}.mlp.${plan.segments[index]?.unitStart ?? 0}`;
    const rows = gates.rows(index);
    const condition = gates.condition(index);
    if (rows !== null) {
      const cut = graph.node('Slice', [input.rows, graph.ints(0), rows, graph.ints(1)], [`${name}.in`]);
      parts.push(emitSegment(graph, context, layer, index, { ...input, rows: cut }, name));
      gatedParts++;
    } else if (condition !== null) {
      const on = graph.subgraph(`${name}.segment_on`, (branch) => {
        const out = emitSegment(branch, context, layer, index, input, `${name}.on`);
        branch.output(out, 'float32', [1, 'S', config.hiddenSize]);
      });
      const off = graph.subgraph(`${name}.segment_off`, (branch) => {
        branch.node('Identity', [branch.empty(1, 0, config.hiddenSize)], [`${name}.off.out`]);
        branch.output(`${name}.off.out`, 'float32', [1, 'S', config.hiddenSize]);
      });
      parts.push(graph.node('If', [condition], [`${name}.out`], { then_branch: on, else_branch: off }));
      gatedParts++;
    } else parts.push(emitSegment(graph, context, layer, index, input, name));
  }
  const name = `layers.${layer}`;
  const bias = context.adapter.bias(layer);
  const recovered = context.adapter.product(graph, 'mlp', layer, rowsIn, name);
  const [only] = parts;
  if (gatedParts === 0 && parts.length === 1 && only !== undefined) {
    const update =
      recovered === null ? only : graph.node('Add', [only, recovered], [`${name}.mlp_recovered`]);
    return { residual, update, bias };
  }
  if (recovered !== null) parts.push(recovered);
  const update = emitSum(graph, context.sumShapes, parts, name);
  return { residual, update, bias };
}

function emitSegment(
  graph: GraphBuilder,
  context: MlpContext,
  layer: number,
  index: number,
  input: LinearInput,
  name: string,
): string {
  const products = context.weights.mlp.get(index);
  if (products === undefined) throw new RangeError(`no weights for segment ${index}`);
  const gate = emitLinear(graph, products.gate, input, `${name}.gate_rows`);
  const up = emitLinear(graph, products.up, input, `${name}.up_rows`);
  // QuickGelu with alpha 1 is x * sigmoid(x), i.e. SiLU, as one kernel.
  const activated = graph.node('QuickGelu', [gate], [`${name}.silu`], { alpha: { float: 1 } });
  const product = graph.node('Mul', [activated, up], [`${name}.hidden`]);
  const hidden = context.onActivation(layer, 'mlp-hidden', product);
  return emitLinear(
    graph,
    products.down,
    linearInput(graph, products.down.form, hidden),
    `${name}.down_rows`,
  );
}
