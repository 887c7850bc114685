import type { Attributes, GraphBuilder } from '../graph-builder.ts';
import type { ConstantMatrix } from './constant-matrix.ts';

/** Operators of the runtime part of a static graph, written so that NNAPI takes them (decision 0074). */

/**
 * y = x W + bias on [S, in]; without a bias one of zeros, because ONNX Runtime's XNNPACK provider (1.24.3) crashes the
 * process on a Gemm that has none.
 */
export function emitProduct(
  graph: GraphBuilder,
  rows: string,
  { value, outFirst, outFeatures }: ConstantMatrix,
  output: string,
  bias: string | null = null,
): string {
  const added = bias ?? graph.node('ConstantOfShape', [graph.ints(outFeatures)], [`${output}.zeros`]);
  return graph.node('Gemm', [rows, value, added], [output], { transB: outFirst ? 1 : 0 });
}

/** RMS norm over the last of `rank` axes, weighted by a constant that broadcasts. */
export function emitRmsNorm(
  graph: GraphBuilder,
  value: string,
  weight: string,
  options: { readonly epsilon: number; readonly rank: number; readonly name: string },
): string {
  const { epsilon, rank, name } = options;
  const op = (type: string, inputs: readonly string[], suffix: string, attributes: Attributes = {}): string =>
    graph.node(type, inputs, [`${name}.${suffix}`], attributes);
  const squares = op('Mul', [value, value], 'squares');
  const mean = op('ReduceMean', [squares], 'mean', { axes: [rank - 1], keepdims: 1 });
  const root = op('Sqrt', [op('Add', [mean, graph.floats(epsilon)], 'shifted')], 'root');
  return op('Mul', [op('Div', [value, root], 'unit'), weight], 'normed');
}
