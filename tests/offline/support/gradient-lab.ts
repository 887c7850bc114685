import { InferenceSession, Tensor } from 'onnxruntime-node';
import { differentiate } from '../../../offline/differentiate/differentiate.ts';
import { StaticGraph } from '../../../offline/differentiate/static-graph.ts';

/** A float32 tensor that a graph under test takes. */
export interface Operand {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

export const sizeOf = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);

/** Reproducible values in [low, high). */
export function values(seed: number, size: number, low = -1, high = 1): Float32Array {
  let state = Math.imul(seed + 1, 2654435761) | 0;
  return Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return low + ((high - low) * ((state >>> 8) + 0.5)) / 2 ** 24;
  });
}

export function operand(seed: number, dims: readonly number[], low = -1, high = 1): Operand {
  return { dims, data: values(seed, sizeOf(dims), low, high) };
}

/** Values at least 0.2 away from 0, where some functions have a kink. */
export function awayFromZero({ dims, data }: Operand): Operand {
  return { dims, data: data.map((value) => value + (value < 0 ? -0.2 : 0.2)) };
}

/** Writes nodes over the operands' names and returns one value. */
export type Emit = (graph: StaticGraph, names: readonly string[]) => string;

const SESSION: InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  extra: { session: { intra_op: { allow_spinning: '0' } } },
};

/** Runs a model once. */
export async function run(
  model: Uint8Array,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<Record<string, Tensor>> {
  const session = await InferenceSession.create(model, SESSION);
  const results = await session.run(feeds);
  await session.release();
  return { ...results };
}

export function asTensor({ dims, data }: Operand): Tensor {
  return new Tensor('float32', data, dims);
}

/** Gradients of all operands after each other. */
export interface Comparison {
  readonly computed: readonly number[];
  readonly expected: readonly number[];
}

/** Central differences in float32 are good to about this much of the largest gradient. */
export const DIFFERENCE_TOLERANCE = 2e-3;

const STEP = 1e-2;

/**
 * Gradients of a weighted sum of what `emit` writes with respect to all operands, and the same by central
 * differences of the graph's own forward pass, element by element. Throws if the dims that ONNX Runtime computes
 * are not the inferred ones.
 */
export async function compareGradients(operands: readonly Operand[], emit: Emit): Promise<Comparison> {
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
  for (const [index, name] of names.entries()) graph.output(gradients.get(name) ?? '', `g${index}`);
  graph.output(result, 'result');
  const session = await InferenceSession.create(graph.encode('gradients'), SESSION);
  try {
    const feed = (which: number, data: Float32Array): Record<string, Tensor> =>
      Object.fromEntries(
        operands.map((of, index) => [`x${index}`, asTensor(index === which ? { ...of, data } : of)]),
      );
    const lossAt = async (which: number, data: Float32Array): Promise<number> => {
      const out = (await session.run(feed(which, data), ['result']))['result'];
      requireDims('result', out, dims);
      return (out?.data as Float32Array).reduce(
        (sum, value, index) => sum + value * (weights[index] ?? 0),
        0,
      );
    };
    const analytic = await session.run(feed(-1, new Float32Array(0)));
    const computed: number[] = [];
    const expected: number[] = [];
    for (const [which, { data, dims: of }] of operands.entries()) {
      const gradient = analytic[`g${which}`];
      requireDims(`gradient of x${which}`, gradient, of);
      computed.push(...(gradient?.data as Float32Array));
      for (const [element, value] of data.entries()) {
        const up = data.with(element, value + STEP);
        const down = data.with(element, value - STEP);
        const width = (up[element] ?? 0) - (down[element] ?? 0);
        expected.push(((await lossAt(which, up)) - (await lossAt(which, down))) / width);
      }
    }
    return { computed, expected };
  } finally {
    await session.release();
  }
}

function requireDims(what: string, tensor: Tensor | undefined, dims: readonly number[]): void {
  if (tensor?.dims.join() !== dims.join())
    throw new Error(`${what} is [${tensor?.dims.join(', ')}], not [${dims.join(', ')}]`);
}

/** Largest difference, relative to the largest expected gradient or 0.1. */
export function gap({ computed, expected }: Comparison): number {
  const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0.1);
  const differences = computed.map((value, index) => Math.abs(value - (expected[index] ?? NaN)));
  return differences.reduce((largest, value) => Math.max(largest, value), 0) / scale;
}
