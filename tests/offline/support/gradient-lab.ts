import { InferenceSession, Tensor } from 'onnxruntime-node';
import { differentiate } from '../../../offline/differentiate/differentiate.ts';
import { StaticGraph } from '../../../offline/differentiate/static-graph.ts';

/** A differentiable operand. */
export interface Operand {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

export const sizeOf = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);

/** Reproducible values in [low, high). */
export function values(seed: number, size: number, low = -1, high = 1): Float32Array {
  let state = seed | 0;
  return Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return low + ((high - low) * ((state >>> 8) + 0.5)) / 2 ** 24;
  });
}

export function operand(seed: number, dims: readonly number[], low = -1, high = 1): Operand {
  return { dims, data: values(seed, sizeOf(dims), low, high) };
}

/** Writes nodes over the operands' names and returns one value. */
export type Emit = (graph: StaticGraph, names: readonly string[]) => string;

const SESSION: InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  extra: { session: { intra_op: { allow_spinning: '0' } } },
};

/** Runs a graph of float32 inputs; outputs by name. */
export async function run(
  model: Uint8Array,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<Record<string, Float32Array>> {
  const session = await InferenceSession.create(model, SESSION);
  const results = await session.run(feeds);
  await session.release();
  return Object.fromEntries(
    Object.entries(results).map(([name, tensor]) => [name, tensor.data as Float32Array]),
  );
}

/**
 * Gradients of a weighted sum of what `emit` writes, with respect to all operands, and the same by central
 * differences. The differences are taken along random directions in one batch of runs.
 */
export async function compareGradients(
  operands: readonly Operand[],
  emit: Emit,
  options: { readonly step?: number } = {},
): Promise<{ readonly computed: number[]; readonly expected: number[] }> {
  const { step = 1e-2 } = options;
  const graph = StaticGraph.create(new Map(), '');
  const names = operands.map(({ dims }, index) => graph.input(`x${index}`, 'float32', dims));
  const result = emit(graph, names);
  const dims = graph.dims(result);
  const weights = values(99, sizeOf(dims), 0.5, 1.5).map((value, index) =>
    index % 3 === 1 ? -value : value,
  );
  const weighted = graph.op('Mul', [result, graph.constant('loss.weights', 'float32', dims, weights)]);
  const loss = graph.op('ReduceSum', [weighted], { keepdims: 0 });
  const gradients = differentiate(graph, loss, names);
  for (const [index, name] of names.entries()) {
    const gradient = gradients.get(name) ?? '';
    if (graph.dims(gradient).join() !== graph.dims(name).join())
      throw new Error(`gradient of ${name} is [${graph.dims(gradient).join()}]`);
    graph.output(gradient, `g${index}`);
  }
  graph.output(result, 'result');
  const session = await InferenceSession.create(graph.encode('gradients'), SESSION);
  const feed = (data: readonly Float32Array[]): Record<string, Tensor> =>
    Object.fromEntries(
      operands.map(({ dims: of }, index) => [
        `x${index}`,
        new Tensor('float32', data[index] ?? new Float32Array(0), of),
      ]),
    );
  const lossAt = async (data: readonly Float32Array[]): Promise<number> => {
    const { result: out } = await session.run(feed(data), ['result']);
    return (out?.data as Float32Array).reduce((sum, value, index) => sum + value * (weights[index] ?? 0), 0);
  };
  const at = operands.map(({ data }) => data);
  const analytic = await session.run(feed(at));
  const computed: number[] = [];
  const expected: number[] = [];
  for (const [index, { data }] of operands.entries()) {
    const gradient = analytic[`g${index}`]?.data as Float32Array;
    for (let element = 0; element < data.length; element++) {
      const moved = (by: number): Float32Array[] =>
        at.map((other, which) => (which === index ? other.with(element, (data[element] ?? 0) + by) : other));
      const [up, down] = [moved(step), moved(-step)];
      const width = (up[index]?.[element] ?? 0) - (down[index]?.[element] ?? 0);
      expected.push(((await lossAt(up)) - (await lossAt(down))) / width);
      computed.push(gradient[element] ?? NaN);
    }
  }
  await session.release();
  return { computed, expected };
}

/** Largest difference, relative to the larger of 1 and the expected gradients' largest. */
export function gap({ computed, expected }: { computed: number[]; expected: number[] }): number {
  const scale = Math.max(1, ...expected.map(Math.abs));
  return Math.max(...computed.map((value, index) => Math.abs(value - (expected[index] ?? NaN)))) / scale;
}
