import type { Attributes } from '../graph/graph-builder.ts';
import type { ElementType } from '../graph/onnx-schema.ts';

/** What is known of a value while the graph is written. */
export interface Tensor {
  readonly type: ElementType;
  readonly dims: readonly number[];
  /** Elements of an integer constant, where the graph knows them: shapes, axes, bounds. */
  readonly ints?: readonly number[];
}

/** One operator of the graph with one output; inputs left out are ''. */
export interface StaticNode {
  readonly opType: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes: Attributes;
}

/** An operator and what it is applied to, for shape inference. */
export interface Operation {
  readonly opType: string;
  readonly inputs: readonly (Tensor | undefined)[];
  readonly attributes: Attributes;
}

/** Infers the one output of an operator; throws a RangeError if the operands do not fit. */
export type ShapeRule = (operation: Operation) => Tensor;

export function mismatch(operation: Operation, why: string): RangeError {
  const operands = operation.inputs.map((input) =>
    input === undefined ? '-' : `${input.type}[${input.dims.join(', ')}]`,
  );
  return new RangeError(`${operation.opType}(${operands.join(', ')}): ${why}`);
}

export function operand(operation: Operation, index: number): Tensor {
  const tensor = operation.inputs[index];
  if (tensor === undefined) throw mismatch(operation, `input ${index} is missing`);
  return tensor;
}

/** The elements of an operand that has to be an integer constant, or undefined where it is left out. */
export function constantInts(operation: Operation, index: number): readonly number[] | undefined {
  const tensor = operation.inputs[index];
  if (tensor === undefined) return undefined;
  if (tensor.ints === undefined) throw mismatch(operation, `input ${index} has to be an integer constant`);
  return tensor.ints;
}

export function intAttribute(attributes: Attributes, name: string, otherwise: number): number {
  const value = attributes[name];
  return typeof value === 'number' ? value : otherwise;
}

export function intsAttribute(attributes: Attributes, name: string): readonly number[] | undefined {
  const value = attributes[name];
  return Array.isArray(value) ? value : undefined;
}

export function floatAttribute(attributes: Attributes, name: string, otherwise: number): number {
  const value = attributes[name];
  if (typeof value !== 'object' || !('float' in value)) return otherwise;
  return value.float;
}

/** Counts an axis from the front; throws if the operand has no such axis. */
export function frontAxis(operation: Operation, axis: number, rank: number): number {
  if (axis < -rank || axis >= rank) throw mismatch(operation, `no axis ${axis} of ${rank}`);
  return axis < 0 ? axis + rank : axis;
}

export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

export function sameDims(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

/** Dims of an elementwise operation over both, by ONNX's (NumPy's) rule; null if they do not fit. */
export function broadcastDims(a: readonly number[], b: readonly number[]): number[] | null {
  const rank = Math.max(a.length, b.length);
  const dims: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) return null;
    dims.push(left === 1 ? right : left);
  }
  return dims;
}
