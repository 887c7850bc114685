import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { differentiate } from '../../offline/differentiate/differentiate.ts';
import { StaticGraph } from '../../offline/differentiate/static-graph.ts';
import { asTensor, operand, run, type Operand } from './support/gradient-lab.ts';
import { NET, netWeights, tapeNet } from './support/tape-decoder.ts';

const IDS = [3, 7, 7, 0, 12, 3];
const TARGETS = [7, 7, 0, 12, 3, 1];
const T = IDS.length;

/** The net of tape-decoder.ts in ONNX operators, in the form that is usual there. */
function emitNet(graph: StaticGraph): string {
  const { hidden, heads, kvHeads, headDim, layers } = NET;
  const perGroup = heads / kvHeads;
  const ints = (...all: number[]): string => graph.ints(...all);
  const linear = (x: string, name: string): string => graph.op('FusedMatMul', [x, name], { transB: 1 });
  const norm = (x: string, name: string): string => {
    const mean = graph.op('ReduceMean', [graph.op('Mul', [x, x]), ints(-1)]);
    const root = graph.op('Sqrt', [graph.op('Add', [mean, graph.floats(NET.eps)])]);
    return graph.op('Mul', [graph.op('Div', [x, root]), name]);
  };
  const angles = (of: (angle: number) => number): Float32Array =>
    Float32Array.from({ length: T * headDim }, (_, index) => {
      const i = (index % headDim) % (headDim / 2);
      return of(Math.floor(index / headDim) * NET.ropeTheta ** ((-2 * i) / headDim));
    });
  const cos = graph.constant('cos', 'float32', [T, headDim], angles(Math.cos));
  const sin = graph.constant('sin', 'float32', [T, headDim], angles(Math.sin));
  const rotate = (x: string): string => {
    const half = (from: number): string =>
      graph.op('Slice', [x, ints(from), ints(from + headDim / 2), ints(-1)]);
    const turned = graph.op('Concat', [graph.op('Neg', [half(headDim / 2)]), half(0)], { axis: -1 });
    return graph.op('Add', [graph.op('Mul', [x, cos]), graph.op('Mul', [turned, sin])]);
  };
  const allowed = Uint8Array.from({ length: T * T }, (_, i) => (i % T <= Math.floor(i / T) ? 1 : 0));
  const causal = graph.constant('causal', 'bool', [T, T], allowed);
  const byHead = (x: string, groups: number, each: number): string =>
    graph.op('Transpose', [graph.op('Reshape', [x, ints(T, groups, each, headDim)])], { perm: [1, 2, 0, 3] });
  const attention = (x: string, layer: number): string => {
    const q = rotate(byHead(linear(x, `${layer}.q`), kvHeads, perGroup));
    const k = rotate(byHead(linear(x, `${layer}.k`), kvHeads, 1));
    const v = byHead(linear(x, `${layer}.v`), kvHeads, 1);
    const scores = graph.op('FusedMatMul', [q, k], { transB: 1, alpha: { float: 1 / Math.sqrt(headDim) } });
    const shares = graph.op('Softmax', [graph.op('Where', [causal, scores, graph.floats(-1e9)])]);
    const mixed = graph.op('Transpose', [graph.op('MatMul', [shares, v])], { perm: [2, 0, 1, 3] });
    return linear(graph.op('Reshape', [mixed, ints(T, heads * headDim)]), `${layer}.o`);
  };
  const ids = graph.input('ids', 'int64', [T]);
  let x = graph.op('Gather', ['embedding', ids], { axis: 0 });
  for (let layer = 0; layer < layers; layer++) {
    x = graph.op('Add', [x, attention(norm(x, `${layer}.norm1`), layer)]);
    const m = norm(x, `${layer}.norm2`);
    const gate = linear(m, `${layer}.gate`);
    const silu = graph.op('Mul', [gate, graph.op('Sigmoid', [gate])]);
    x = graph.op('Add', [x, linear(graph.op('Mul', [silu, linear(m, `${layer}.up`)]), `${layer}.down`)]);
  }
  const logits = linear(norm(graph.op('Reshape', [x, ints(T, hidden)]), 'finalNorm'), 'embedding');
  const targets = graph.input('targets', 'int64', [T, 1]);
  const picked = graph.op('GatherElements', [graph.op('LogSoftmax', [logits]), targets], { axis: 1 });
  return graph.op('Neg', [graph.op('ReduceMean', [picked], { keepdims: 0 })]);
}

describe('gradients of a decoder', () => {
  const weights = new Map<string, Operand>(
    [...netWeights()].map(([name, dims], seed) => [
      name,
      name.includes('orm') ? operand(seed, dims, 0.5, 1.5) : operand(seed, dims, -0.8, 0.8),
    ]),
  );
  const data = new Map([...weights].map(([name, weight]) => [name, weight.data]));

  it('are those of the same net differentiated number by number, for every weight', async () => {
    const graph = StaticGraph.create(new Map(), '');
    for (const [name, { dims }] of weights) graph.input(name, 'float32', dims);
    const loss = emitNet(graph);
    const gradients = differentiate(graph, loss, [...weights.keys()]);
    graph.output(loss, 'loss');
    for (const [name, gradient] of gradients) graph.output(gradient, `gradient of ${name}`);
    const ints = (values: readonly number[], dims: readonly number[]): Tensor =>
      new Tensor('int64', BigInt64Array.from(values, BigInt), dims);
    const results = await run(graph.encode('decoder'), {
      ...Object.fromEntries([...weights].map(([name, weight]) => [name, asTensor(weight)])),
      ids: ints(IDS, [T]),
      targets: ints(TARGETS, [T, 1]),
    });
    const reference = tapeNet(data, IDS, TARGETS);
    expect((results['loss']?.data as Float32Array)[0]).toBeCloseTo(reference.loss, 4);
    for (const [name, expected] of reference.gradients) {
      const computed = results[`gradient of ${name}`]?.data as Float32Array;
      const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const off = expected.reduce(
        (most, value, i) => Math.max(most, Math.abs(value - (computed[i] ?? NaN))),
        0,
      );
      expect(largest, name).toBeGreaterThan(1e-4);
      expect(off / largest, name).toBeLessThan(1e-3);
    }
  });

  it('cost nothing for weights that are not asked for', () => {
    const count = (wrt: readonly string[]): number => {
      const graph = StaticGraph.create(new Map(), '');
      for (const [name, { dims }] of weights) graph.input(name, 'float32', dims);
      const loss = emitNet(graph);
      const before = graph.nodes.length;
      differentiate(graph, loss, wrt);
      return graph.nodes.slice(before).filter(({ opType }) => opType.endsWith('MatMul')).length;
    };
    // The head's product, then one of the MLP's down: dHidden and dW.
    expect(count(['1.down'])).toBe(2);
    // Everything that layer 1 and the head compute from it (1 + 3 + 8 products), and its own gradient.
    expect(count(['0.down'])).toBe(13);
  });
});
