import type { Attributes, GraphBuilder } from '../graph-builder.ts';

/** Operators of the runtime part of a static graph, written so that NNAPI takes them (decision 0074). */

/** y = x W^T + bias on [S, in], with a constant W [out, in]. */
export function emitProduct(
  graph: GraphBuilder,
  rows: string,
  matrix: string,
  output: string,
  bias: string | null = null,
): string {
  const inputs = bias === null ? [rows, matrix] : [rows, matrix, bias];
  return graph.node('Gemm', inputs, [output], { transB: 1 });
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
