import { inputOf, reshapeTo, type BackwardStep, type GradientRule } from '../gradient-rule.ts';
import { reducedAxes } from '../shapes/reductions.ts';
import { elementCount } from '../tensor.ts';

/** Output dims with a 1 for each axis that was summed over; the gradient stays that small. */
function keptDims(step: BackwardStep): readonly number[] {
  const reduced = new Set(reducedAxes(step.operation));
  return inputOf(step, 0).dims.map((dim, axis) => (reduced.has(axis) ? 1 : dim));
}

const reduceSum: GradientRule = (step) =>
  step.give(0, () => reshapeTo(step.graph, step.gradient.dense(), keptDims(step)));

const reduceMean: GradientRule = (step) =>
  step.give(0, () => {
    const { graph } = step;
    const kept = keptDims(step);
    const share = elementCount(kept) / elementCount(inputOf(step, 0).dims);
    return graph.op('Mul', [reshapeTo(graph, step.gradient.dense(), kept), graph.scalar(share)]);
  });

export const REDUCTION_RULES: Readonly<Record<string, GradientRule>> = {
  ReduceSum: reduceSum,
  ReduceMean: reduceMean,
};
