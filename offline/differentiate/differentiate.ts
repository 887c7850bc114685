import { Gradient, whole } from './gradient.ts';
import type { GradientRule } from './gradient-rule.ts';
import { ELEMENTWISE_RULES } from './rules/elementwise.ts';
import { INDEXING_RULES } from './rules/indexing.ts';
import { LAYOUT_RULES } from './rules/layout.ts';
import { PRODUCT_RULES } from './rules/products.ts';
import { REDUCTION_RULES } from './rules/reductions.ts';
import { SOFTMAX_RULES } from './rules/softmax.ts';
import type { StaticGraph } from './static-graph.ts';
import { elementCount, type StaticNode } from './tensor.ts';

const RULES = new Map<string, GradientRule>(
  [ELEMENTWISE_RULES, PRODUCT_RULES, REDUCTION_RULES, SOFTMAX_RULES, LAYOUT_RULES, INDEXING_RULES].flatMap(
    (rules) => Object.entries(rules),
  ),
);

/**
 * Reverse-mode differentiation: appends the backward pass of a scalar to its graph, and returns for each value
 * of `wrt` the name of its gradient, of the same dims. Only nodes between `wrt` and the loss get backward nodes.
 *
 * @param loss float32, one element
 * @throws RangeError if the loss is no scalar or does not depend on a value of `wrt`, or if an operator between
 *   them has no gradient rule
 */
export function differentiate(
  graph: StaticGraph,
  loss: string,
  wrt: readonly string[],
): ReadonlyMap<string, string> {
  const { dims, type } = graph.tensor(loss);
  if (elementCount(dims) !== 1 || type !== 'float32')
    throw new RangeError(`the loss ${loss} is ${type} [${dims.join(', ')}], not a float32 scalar`);
  const forward = [...graph.nodes];
  const moving = dependents(graph, forward, wrt);
  const gradients = new Map([[loss, new Gradient(graph, dims)]]);
  gradients.get(loss)?.add(whole(one(graph, dims)));
  for (const node of forward.toReversed()) {
    const gradient = gradients.get(node.output);
    if (gradient !== undefined && moving.has(node.output)) stepBack(graph, node, gradient, moving, gradients);
  }
  return new Map(
    wrt.map((value) => {
      const gradient = gradients.get(value);
      if (gradient === undefined) throw new RangeError(`the loss ${loss} does not depend on ${value}`);
      return [value, gradient.dense()];
    }),
  );
}

function stepBack(
  graph: StaticGraph,
  node: StaticNode,
  gradient: Gradient,
  moving: ReadonlySet<string>,
  gradients: Map<string, Gradient>,
): void {
  if (!node.inputs.some((input) => moving.has(input))) return;
  const rule = RULES.get(node.opType);
  if (rule === undefined) throw new RangeError(`${node.opType}: no gradient rule for this operator`);
  rule({
    graph,
    node,
    operation: graph.operation(node),
    gradient,
    give: (index, contribution) => {
      const input = node.inputs[index] ?? '';
      if (!moving.has(input)) return;
      let sum = gradients.get(input);
      if (sum === undefined) gradients.set(input, (sum = new Gradient(graph, graph.dims(input))));
      const given = contribution();
      sum.add(typeof given === 'string' ? whole(given) : given);
    },
  });
}

/** Float values that depend on `wrt`, with `wrt` itself. */
function dependents(
  graph: StaticGraph,
  nodes: readonly StaticNode[],
  wrt: readonly string[],
): ReadonlySet<string> {
  const moving = new Set(wrt);
  for (const { inputs, output } of nodes)
    if (inputs.some((input) => moving.has(input)) && graph.tensor(output).type === 'float32')
      moving.add(output);
  return moving;
}

function one(graph: StaticGraph, dims: readonly number[]): string {
  return dims.length === 0 ? graph.scalar(1) : graph.op('Expand', [graph.scalar(1), graph.ints(...dims)]);
}
