import { ELEMENT, type ElementType } from '../../graph/onnx-schema.ts';
import {
  broadcastDims,
  intAttribute,
  mismatch,
  operand,
  type Operation,
  type ShapeRule,
  type Tensor,
} from '../tensor.ts';

function commonDims(operation: Operation, from = 0): readonly number[] {
  let dims: readonly number[] = operand(operation, from).dims;
  for (let index = from + 1; index < operation.inputs.length; index++) {
    const both = broadcastDims(dims, operand(operation, index).dims);
    if (both === null) throw mismatch(operation, 'dims do not broadcast');
    dims = both;
  }
  return dims;
}

function commonType(operation: Operation, from = 0): ElementType {
  const { type } = operand(operation, from);
  for (let index = from + 1; index < operation.inputs.length; index++)
    if (operand(operation, index).type !== type) throw mismatch(operation, 'element types differ');
  return type;
}

const unary: ShapeRule = (operation) => {
  if (operation.inputs.length !== 1) throw mismatch(operation, 'takes one input');
  const { type, dims } = operand(operation, 0);
  return { type, dims };
};

const variadic: ShapeRule = (operation) => ({
  type: commonType(operation),
  dims: commonDims(operation),
});

const binary: ShapeRule = (operation) => {
  if (operation.inputs.length !== 2) throw mismatch(operation, 'takes two inputs');
  return variadic(operation);
};

const comparison: ShapeRule = (operation) => ({ ...binary(operation), type: 'bool' });

const cast: ShapeRule = (operation) => {
  const to = intAttribute(operation.attributes, 'to', 0);
  const type = (Object.keys(ELEMENT) as ElementType[]).find((name) => ELEMENT[name] === to);
  if (type === undefined) throw mismatch(operation, `unknown element type ${to}`);
  return { type, dims: operand(operation, 0).dims };
};

function where(operation: Operation): Tensor {
  if (operand(operation, 0).type !== 'bool') throw mismatch(operation, 'the condition has to be bool');
  operand(operation, 2);
  return { type: commonType(operation, 1), dims: commonDims(operation) };
}

export const ELEMENTWISE_SHAPES: Readonly<Record<string, ShapeRule>> = {
  Abs: unary,
  Erf: unary,
  Exp: unary,
  Identity: unary,
  Log: unary,
  Neg: unary,
  Reciprocal: unary,
  Relu: unary,
  Sigmoid: unary,
  Sign: unary,
  Sqrt: unary,
  Tanh: unary,
  Add: binary,
  Sub: binary,
  Mul: binary,
  Div: binary,
  Max: variadic,
  Min: variadic,
  Sum: variadic,
  Greater: comparison,
  Less: comparison,
  Equal: comparison,
  Cast: cast,
  Where: where,
};
