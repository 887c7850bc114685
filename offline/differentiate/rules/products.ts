import type { Attributes } from '../../graph/graph-builder.ts';
import { inputOf, reshapeTo, sumTo, type BackwardStep, type GradientRule } from '../gradient-rule.ts';
import type { StaticGraph } from '../static-graph.ts';
import { elementCount, floatAttribute, intAttribute, sameDims } from '../tensor.ts';

/** An operand, read transposed over its last two axes or not. */
interface Side {
  readonly value: string;
  readonly transposed: boolean;
}

/** Products are written with transposition flags, which cost nothing, never with a Transpose. */
function product(graph: StaticGraph, a: Side, b: Side, alpha: number): string {
  const flags: Attributes = {
    ...(a.transposed ? { transA: 1 } : {}),
    ...(b.transposed ? { transB: 1 } : {}),
    ...(alpha === 1 ? {} : { alpha: { float: alpha } }),
  };
  const opType = Object.keys(flags).length === 0 ? 'MatMul' : 'FusedMatMul';
  return graph.op(opType, [a.value, b.value], flags);
}

const plain = (value: string): Side => ({ value, transposed: false });
const turned = (value: string): Side => ({ value, transposed: true });
const as = (value: string, transposed: boolean): Side => ({ value, transposed });

/**
 * Number of leading axes that both operands share when all later batch axes of b are 1: those can be folded into
 * the rows of a, which makes one large product of many small ones and needs no sum over the broadcast axes.
 */
function sharedAxes(aDims: readonly number[], bDims: readonly number[]): number | null {
  const batch = aDims.slice(0, -2);
  const ofB = bDims.slice(0, -2);
  if (ofB.length > batch.length) return null;
  const padded = [...Array.from({ length: batch.length - ofB.length }, () => 1), ...ofB];
  const shared = batch.findIndex((dim, axis) => dim !== padded[axis]);
  if (shared === -1 || padded.slice(shared).some((dim) => dim !== 1)) return null;
  return shared;
}

/** [s1, .., b1, .., rows, columns] -> [s1, .., b1 * .. * rows, columns] */
function foldRows(graph: StaticGraph, value: string, shared: number): string {
  const dims = graph.dims(value);
  const rows = elementCount(dims.slice(shared, -1));
  return reshapeTo(graph, value, [...dims.slice(0, shared), rows, dims.at(-1) ?? 1]);
}

const matMul: GradientRule = (step) => {
  const { graph, gradient, node } = step;
  const a = inputOf(step, 0);
  const b = inputOf(step, 1);
  const transA = intAttribute(node.attributes, 'transA', 0) === 1;
  const transB = intAttribute(node.attributes, 'transB', 0) === 1;
  const alpha = floatAttribute(node.attributes, 'alpha', 1);
  const shared = transA ? null : sharedAxes(a.dims, b.dims);
  if (shared !== null) {
    foldedMatMul(step, shared, transB, alpha);
    return;
  }
  step.give(0, () => {
    const dY = gradient.dense();
    const dA = transA
      ? product(graph, as(b.value, transB), turned(dY), alpha)
      : product(graph, plain(dY), as(b.value, !transB), alpha);
    return sumTo(graph, dA, a.dims);
  });
  step.give(1, () => {
    const dY = gradient.dense();
    const dB = transB
      ? product(graph, turned(dY), as(a.value, transA), alpha)
      : product(graph, as(a.value, !transA), plain(dY), alpha);
    return sumTo(graph, dB, b.dims);
  });
};

function foldedMatMul(step: BackwardStep, shared: number, transB: boolean, alpha: number): void {
  const { graph, gradient } = step;
  const a = inputOf(step, 0);
  const b = inputOf(step, 1);
  const bDims = [...a.dims.slice(0, shared), ...b.dims.slice(-2)];
  const dY = (): string => foldRows(graph, gradient.dense(), shared);
  step.give(0, () => {
    const folded = sameDims(b.dims, bDims) ? b.value : reshapeTo(graph, b.value, bDims);
    return reshapeTo(graph, product(graph, plain(dY()), as(folded, !transB), alpha), a.dims);
  });
  step.give(1, () => {
    const rows = foldRows(graph, a.value, shared);
    const dB = transB
      ? product(graph, turned(dY()), plain(rows), alpha)
      : product(graph, turned(rows), plain(dY()), alpha);
    return reshapeTo(graph, dB, b.dims);
  });
}

export const PRODUCT_RULES: Readonly<Record<string, GradientRule>> = {
  MatMul: matMul,
  FusedMatMul: matMul,
};
