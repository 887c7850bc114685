import {
  constantInts,
  frontAxis,
  intAttribute,
  intsAttribute,
  mismatch,
  operand,
  type Operation,
  type ShapeRule,
} from '../tensor.ts';

/** The axes that a reduction sums over, counted from the front; all if it names none. */
export function reducedAxes(operation: Operation): readonly number[] {
  const { dims } = operand(operation, 0);
  const named = constantInts(operation, 1) ?? intsAttribute(operation.attributes, 'axes');
  if (named === undefined || named.length === 0) return dims.map((_, axis) => axis);
  return named.map((axis) => frontAxis(operation, axis, dims.length));
}

const reduction: ShapeRule = (operation) => {
  const { type, dims } = operand(operation, 0);
  const reduced = new Set(reducedAxes(operation));
  const keep = intAttribute(operation.attributes, 'keepdims', 1) === 1;
  const kept = dims.map((dim, axis) => (reduced.has(axis) ? 1 : dim));
  return { type, dims: keep ? kept : kept.filter((_, axis) => !reduced.has(axis)) };
};

/** Over the last axis only: what the kernels are fastest at, and the one that has a gradient here. */
const softmax: ShapeRule = (operation) => {
  const { type, dims } = operand(operation, 0);
  const axis = frontAxis(operation, intAttribute(operation.attributes, 'axis', -1), dims.length);
  if (axis !== dims.length - 1) throw mismatch(operation, `axis ${axis} is not the last`);
  return { type, dims };
};

export const REDUCTION_SHAPES: Readonly<Record<string, ShapeRule>> = {
  ReduceSum: reduction,
  ReduceMean: reduction,
  ReduceMax: reduction,
  Softmax: softmax,
  LogSoftmax: softmax,
};
