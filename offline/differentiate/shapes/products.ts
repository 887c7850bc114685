import { broadcastDims, intAttribute, mismatch, operand, type ShapeRule } from '../tensor.ts';

const KNOWN = new Set(['transA', 'transB', 'alpha']);

/** op(A) · op(B) over the last two axes, both of rank 2 at least; leading axes broadcast. */
const product: ShapeRule = (operation) => {
  const { opType, attributes } = operation;
  const a = operand(operation, 0);
  const b = operand(operation, 1);
  if (a.dims.length < 2 || b.dims.length < 2) throw mismatch(operation, 'both need two axes at least');
  if (a.type !== b.type) throw mismatch(operation, 'element types differ');
  const unknown = Object.keys(attributes).find((name) => opType === 'MatMul' || !KNOWN.has(name));
  if (unknown !== undefined) throw mismatch(operation, `attribute ${unknown} is not supported`);
  const [rows, inner] = lastTwo(a.dims, intAttribute(attributes, 'transA', 0) === 1);
  const [innerOfB, columns] = lastTwo(b.dims, intAttribute(attributes, 'transB', 0) === 1);
  if (inner !== innerOfB) throw mismatch(operation, `inner dims ${inner} and ${innerOfB} differ`);
  const batch = broadcastDims(a.dims.slice(0, -2), b.dims.slice(0, -2));
  if (batch === null) throw mismatch(operation, 'leading dims do not broadcast');
  return { type: a.type, dims: [...batch, rows, columns] };
};

function lastTwo(dims: readonly number[], transposed: boolean): readonly [number, number] {
  const [rows = 1, columns = 1] = dims.slice(-2);
  return transposed ? [columns, rows] : [rows, columns];
}

export const PRODUCT_SHAPES: Readonly<Record<string, ShapeRule>> = {
  MatMul: product,
  FusedMatMul: product,
};
