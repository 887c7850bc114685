import {
  constantInts,
  frontAxis,
  intAttribute,
  mismatch,
  operand,
  sameDims,
  type Operation,
  type ShapeRule,
} from '../tensor.ts';

/** Elements start, start + step, .. of an axis. */
export interface AxisRange {
  readonly axis: number;
  readonly start: number;
  readonly step: number;
  readonly length: number;
}

const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

/** What a Slice takes of each axis that it names, by ONNX's rule for bounds from the end and out of range. */
export function slicedRanges(operation: Operation): readonly AxisRange[] {
  const { dims } = operand(operation, 0);
  const starts = constantInts(operation, 1);
  const ends = constantInts(operation, 2);
  if (starts === undefined || ends === undefined) throw mismatch(operation, 'starts or ends are missing');
  const axes = constantInts(operation, 3) ?? starts.map((_, axis) => axis);
  const steps = constantInts(operation, 4) ?? starts.map(() => 1);
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length)
    throw mismatch(operation, 'starts, ends, axes and steps differ in number');
  return starts.map((from, index) => {
    const axis = frontAxis(operation, axes[index] ?? 0, dims.length);
    const dim = dims[axis] ?? 0;
    const step = steps[index] ?? 1;
    if (step === 0) throw mismatch(operation, 'a step of 0');
    const to = ends[index] ?? 0;
    const [low, high] = step > 0 ? [0, dim] : [-1, dim - 1];
    const start = clamp(from < 0 ? from + dim : from, 0, step > 0 ? dim : dim - 1);
    const end = clamp(to < 0 ? to + dim : to, low, high);
    return { axis, start, step, length: Math.max(0, Math.ceil((end - start) / step)) };
  });
}

const slice: ShapeRule = (operation) => {
  const { type, dims } = operand(operation, 0);
  const to = [...dims];
  for (const { axis, length } of slicedRanges(operation)) to[axis] = length;
  return { type, dims: to };
};

function requireIndices(operation: Operation, index: number): readonly number[] {
  const { type, dims } = operand(operation, index);
  if (type !== 'int64' && type !== 'int32') throw mismatch(operation, `input ${index} has to be integers`);
  return dims;
}

const gather: ShapeRule = (operation) => {
  const { type, dims } = operand(operation, 0);
  const axis = frontAxis(operation, intAttribute(operation.attributes, 'axis', 0), dims.length);
  const indices = requireIndices(operation, 1);
  return { type, dims: [...dims.slice(0, axis), ...indices, ...dims.slice(axis + 1)] };
};

function requireWithin(operation: Operation, dims: readonly number[], indices: readonly number[]): number {
  const axis = frontAxis(operation, intAttribute(operation.attributes, 'axis', 0), dims.length);
  const fits = indices.every((dim, other) => other === axis || dim <= (dims[other] ?? 0));
  if (indices.length !== dims.length || !fits) throw mismatch(operation, 'the indices do not fit the data');
  return axis;
}

const gatherElements: ShapeRule = (operation) => {
  const { type, dims } = operand(operation, 0);
  const indices = requireIndices(operation, 1);
  requireWithin(operation, dims, indices);
  return { type, dims: indices };
};

const scatterElements: ShapeRule = (operation) => {
  const { type, dims } = operand(operation, 0);
  const indices = requireIndices(operation, 1);
  requireWithin(operation, dims, indices);
  if (!sameDims(indices, operand(operation, 2).dims)) throw mismatch(operation, 'indices and updates differ');
  return { type, dims };
};

const scatterNd: ShapeRule = (operation) => {
  const { type, dims } = operand(operation, 0);
  const indices = requireIndices(operation, 1);
  const updates = [...indices.slice(0, -1), ...dims.slice(indices.at(-1) ?? 0)];
  if (!sameDims(updates, operand(operation, 2).dims))
    throw mismatch(operation, `updates have to be [${updates.join(', ')}]`);
  return { type, dims };
};

export const INDEXING_SHAPES: Readonly<Record<string, ShapeRule>> = {
  Slice: slice,
  Gather: gather,
  GatherElements: gatherElements,
  ScatterElements: scatterElements,
  ScatterND: scatterNd,
};
