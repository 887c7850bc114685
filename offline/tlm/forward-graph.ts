import type { StaticGraph } from '../differentiate/static-graph.ts';
import type { Attributes } from '../graph/graph-builder.ts';
import type { ElementType } from '../graph/onnx-schema.ts';

/** Added to a mean of squares before its root. */
export const TLM_NORM_EPSILON = 1e-6;

/**
 * What the network is written on: a graph of operators that can be differentiated, or one of fused kernels for the
 * device. {@link emitTlmTrunk} and the heads are the same over both.
 */
export interface TlmGraphWriter {
  op(opType: string, inputs: readonly string[], attributes?: Attributes): string;
  /** int64 [values.length] */
  ints(...values: readonly number[]): string;
  constant(name: string, type: ElementType, dims: readonly number[], data: ArrayBufferView): string;
  /** A trained parameter by its name in `tlmLayout`. */
  parameter(name: string): string;
  /** x / sqrt(mean(x^2) + {@link TLM_NORM_EPSILON}) * weight over the last axis. */
  rmsNorm(x: string, weight: string): string;
  /** x * sigmoid(x) */
  silu(x: string): string;
  /** The mean of a head's positions, [examples, 2 d]: over prompt positions, and over SLO tokens. */
  pool(x: string): string;
}

/** The operators that the differentiator knows. */
export function staticWriter(
  graph: StaticGraph,
  parameter: (name: string) => string,
  pool: (x: string) => string,
): TlmGraphWriter {
  return {
    op: (opType, inputs, attributes) => graph.op(opType, inputs, attributes),
    ints: (...values) => graph.ints(...values),
    constant: (name, type, dims, data) => graph.constant(name, type, dims, data),
    parameter,
    rmsNorm: (x, weight) => {
      const axis = graph.dims(x).length - 1;
      const mean = graph.op('ReduceMean', [graph.op('Mul', [x, x])], { axes: [axis], keepdims: 1 });
      const root = graph.op('Sqrt', [graph.op('Add', [mean, graph.floats(TLM_NORM_EPSILON)])]);
      return graph.op('Mul', [graph.op('Div', [x, root]), weight]);
    },
    silu: (x) => graph.op('Mul', [x, graph.op('Sigmoid', [x])]),
    pool,
  };
}
