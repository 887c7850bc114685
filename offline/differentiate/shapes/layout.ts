import {
  broadcastDims,
  constantInts,
  elementCount,
  frontAxis,
  intAttribute,
  intsAttribute,
  mismatch,
  operand,
  type Operation,
  type ShapeRule,
} from '../tensor.ts';

function requiredInts(operation: Operation, index: number): readonly number[] {
  const ints = constantInts(operation, index);
  if (ints === undefined) throw mismatch(operation, `input ${index} is missing`);
  return ints;
}

/** 0 keeps a dim, -1 takes what is left. */
const reshape: ShapeRule = (operation) => {
  const { type, dims } = operand(operation, 0);
  const wanted = requiredInts(operation, 1).map((dim, axis) => (dim === 0 ? (dims[axis] ?? 0) : dim));
  const known = elementCount(wanted.filter((dim) => dim !== -1));
  const count = elementCount(dims);
  const to = wanted.map((dim) => (dim === -1 ? count / known : dim));
  if (elementCount(to) !== count || !to.every((dim) => Number.isInteger(dim) && dim >= 0))
    throw mismatch(operation, `${count} elements do not fit into [${wanted.join(', ')}]`);
  return { type, dims: to };
};

/** The permutation of a Transpose; without one the axes are reversed. */
export function permutation(operation: Operation): readonly number[] {
  const { dims } = operand(operation, 0);
  const perm = intsAttribute(operation.attributes, 'perm') ?? dims.map((_, axis) => dims.length - 1 - axis);
  if (perm.length !== dims.length || new Set(perm).size !== dims.length)
    throw mismatch(operation, `[${perm.join(', ')}] is not a permutation of ${dims.length} axes`);
  return perm.map((axis) => frontAxis(operation, axis, dims.length));
}

const transpose: ShapeRule = (operation) => {
  const { type, dims } = operand(operation, 0);
  return { type, dims: permutation(operation).map((axis) => dims[axis] ?? 1) };
};

const concat: ShapeRule = (operation) => {
  const first = operand(operation, 0);
  const axis = frontAxis(operation, intAttribute(operation.attributes, 'axis', NaN), first.dims.length);
  let length = 0;
  for (let index = 0; index < operation.inputs.length; index++) {
    const { type, dims } = operand(operation, index);
    const fits = dims.every((dim, other) => other === axis || dim === first.dims[other]);
    if (!fits || dims.length !== first.dims.length || type !== first.type)
      throw mismatch(operation, `input ${index} does not fit along axis ${axis}`);
    length += dims[axis] ?? 0;
  }
  return { type: first.type, dims: first.dims.with(axis, length) };
};

const expand: ShapeRule = (operation) => {
  const { type, dims } = operand(operation, 0);
  const to = broadcastDims(dims, requiredInts(operation, 1));
  if (to === null)
    throw mismatch(operation, `does not broadcast to [${requiredInts(operation, 1).join(', ')}]`);
  return { type, dims: to };
};

function namedAxes(operation: Operation): readonly number[] {
  return intsAttribute(operation.attributes, 'axes') ?? requiredInts(operation, 1);
}

const squeeze: ShapeRule = (operation) => {
  const { type, dims } = operand(operation, 0);
  const axes = new Set(namedAxes(operation).map((axis) => frontAxis(operation, axis, dims.length)));
  if ([...axes].some((axis) => dims[axis] !== 1)) throw mismatch(operation, 'a squeezed dim is not 1');
  return { type, dims: dims.filter((_, axis) => !axes.has(axis)) };
};

const unsqueeze: ShapeRule = (operation) => {
  const { type, dims } = operand(operation, 0);
  const rank = dims.length + namedAxes(operation).length;
  const axes = new Set(namedAxes(operation).map((axis) => frontAxis(operation, axis, rank)));
  if (axes.size + dims.length !== rank) throw mismatch(operation, 'an axis is named twice');
  const rest = [...dims];
  return {
    type,
    dims: Array.from({ length: rank }, (_, axis) => (axes.has(axis) ? 1 : (rest.shift() ?? 1))),
  };
};

const constantOfShape: ShapeRule = (operation) => ({ type: 'float32', dims: requiredInts(operation, 0) });

export const LAYOUT_SHAPES: Readonly<Record<string, ShapeRule>> = {
  Reshape: reshape,
  Transpose: transpose,
  Concat: concat,
  Expand: expand,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  ConstantOfShape: constantOfShape,
};
