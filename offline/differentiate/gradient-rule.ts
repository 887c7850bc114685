import type { Contribution, Gradient } from './gradient.ts';
import type { StaticGraph } from './static-graph.ts';
import { sameDims, type Operation, type StaticNode } from './tensor.ts';

/** A node on its way back: the gradient of its output is known, that of its inputs is asked for. */
export interface BackwardStep {
  readonly graph: StaticGraph;
  readonly node: StaticNode;
  readonly operation: Operation;
  readonly gradient: Gradient;
  /** Adds to the gradient of an input; `contribution` is asked for only if that gradient is wanted. */
  readonly give: (input: number, contribution: () => Contribution | string) => void;
}

export type GradientRule = (step: BackwardStep) => void;

/** Name and dims of an input. */
export function inputOf(
  { graph, node }: BackwardStep,
  index: number,
): { value: string; dims: readonly number[] } {
  const value = node.inputs[index];
  if (value === undefined) throw new RangeError(`${node.opType}: input ${index} is missing`);
  return { value, dims: graph.dims(value) };
}

/** Sums a gradient over the axes along which an operand of those dims was broadcast. */
export function sumTo(graph: StaticGraph, gradient: string, dims: readonly number[]): string {
  const from = graph.dims(gradient);
  if (sameDims(from, dims)) return gradient;
  const added = from.length - dims.length;
  const axes = from.flatMap((dim, axis) => (dim !== 1 && (dims[axis - added] ?? 1) === 1 ? [axis] : []));
  const sum =
    axes.length === 0 ? gradient : graph.op('ReduceSum', [gradient, graph.ints(...axes)], { keepdims: 1 });
  return reshapeTo(graph, sum, dims);
}

export function reshapeTo(graph: StaticGraph, value: string, dims: readonly number[]): string {
  return sameDims(graph.dims(value), dims) ? value : graph.op('Reshape', [value, graph.ints(...dims)]);
}
