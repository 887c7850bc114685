import { expandTo } from '../gradient.ts';
import { inputOf, reshapeTo, type BackwardStep, type GradientRule } from '../gradient-rule.ts';
import { slicedRanges, type AxisRange } from '../shapes/indexing.ts';
import type { StaticGraph } from '../static-graph.ts';
import { elementCount, frontAxis, intAttribute } from '../tensor.ts';

const slice: GradientRule = (step) =>
  step.give(0, () => {
    const { graph } = step;
    const { dims } = inputOf(step, 0);
    const partial = slicedRanges(step.operation).filter(
      ({ axis, step: by, length }) => by !== 1 || length !== dims[axis],
    );
    if (partial.some(({ length }) => length === 0)) return graph.zeros(dims.map(() => 1));
    const [only, second] = partial;
    const dY = step.gradient.dense();
    if (only?.step === 1 && second === undefined)
      return { kind: 'run', value: dY, axis: only.axis, start: only.start };
    return partial.reduce((value, range) => spreadAlong(graph, value, range, dims[range.axis] ?? 0), dY);
  });

/** Puts the elements of an axis back where a Slice took them, with zeros between: it gathers them from one row more. */
function spreadAlong(graph: StaticGraph, value: string, range: AxisRange, dim: number): string {
  const { axis, start, step, length } = range;
  const zero = graph.zeros(graph.dims(value).with(axis, 1));
  const padded = graph.op('Concat', [value, zero], { axis });
  const sources = Array.from({ length: dim }, () => length);
  for (let index = 0; index < length; index++) sources[start + index * step] = index;
  return graph.op('Gather', [padded, graph.ints(...sources)], { axis });
}

/**
 * Rows that were picked more than once get the sum of their gradients. By ScatterElements, which adds one element
 * after the other: ScatterND over whole rows does so from several threads at once.
 */
const gather: GradientRule = (step) =>
  step.give(0, () => {
    const { graph } = step;
    requireFirstAxis(step);
    const rest = inputOf(step, 0).dims.slice(1);
    const indices = inputOf(step, 1);
    const rows = elementCount(indices.dims);
    const column = reshapeTo(graph, indices.value, [rows, ...rest.map(() => 1)]);
    return {
      kind: 'scattered',
      value: reshapeTo(graph, step.gradient.dense(), [rows, ...rest]),
      indices: expandTo(graph, column, [rows, ...rest]),
      axis: 0,
    };
  });

function requireFirstAxis({ operation }: BackwardStep): void {
  const rank = operation.inputs[0]?.dims.length ?? 0;
  const axis = frontAxis(operation, intAttribute(operation.attributes, 'axis', 0), rank);
  if (axis !== 0) throw new RangeError(`Gather: no gradient along axis ${axis}, only along 0`);
}

const gatherElements: GradientRule = (step) =>
  step.give(0, () => {
    const { operation } = step;
    const { dims } = inputOf(step, 0);
    const axis = frontAxis(operation, intAttribute(operation.attributes, 'axis', 0), dims.length);
    return { kind: 'scattered', value: step.gradient.dense(), indices: inputOf(step, 1).value, axis };
  });

export const INDEXING_RULES: Readonly<Record<string, GradientRule>> = {
  Slice: slice,
  Gather: gather,
  GatherElements: gatherElements,
};
