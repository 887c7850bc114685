import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { differentiate } from '../../offline/differentiate/differentiate.ts';
import { StaticGraph } from '../../offline/differentiate/static-graph.ts';
import { asTensor, operand, run } from './support/gradient-lab.ts';

const newGraph = (): StaticGraph => StaticGraph.create(new Map(), '');

/** A graph with float inputs a, b, ... of those dims. */
function graphOf(...dims: readonly (readonly number[])[]): { graph: StaticGraph; names: string[] } {
  const graph = newGraph();
  const names = dims.map((of, index) => graph.input('abcd'.charAt(index), 'float32', of));
  return { graph, names };
}

const int64 = (graph: StaticGraph, name: string, dims: readonly number[], ...data: number[]): string =>
  graph.constant(name, 'int64', dims, BigInt64Array.from(data, BigInt));

describe('a static graph', () => {
  it('names the operator and its dims when they do not fit', () => {
    const { graph, names } = graphOf([2, 3], [4, 5]);
    expect(() => graph.op('MatMul', names)).toThrow(
      new RangeError('MatMul(float32[2, 3], float32[4, 5]): inner dims 3 and 4 differ'),
    );
    expect(() => graph.op('Add', names)).toThrow(/^Add\(float32\[2, 3\], float32\[4, 5\]\): dims/);
    expect(() => graph.op('Conv', names)).toThrow(/^Conv: no shape rule/);
    expect(() => graph.op('Neg', ['missing'])).toThrow('Neg: no value missing');
    expect(() => graph.weight('missing')).toThrow('no stored weight missing');
  });

  const bad: readonly (readonly [string, (graph: StaticGraph, x: string) => string])[] = [
    ['Reshape', (g, x) => g.op('Reshape', [x, g.ints(4, -1)])],
    ['Transpose', (g, x) => g.op('Transpose', [x], { perm: [0, 0] })],
    ['Concat', (g, x) => g.op('Concat', [x, g.input('y', 'float32', [3, 3])], { axis: 1 })],
    ['Expand', (g, x) => g.op('Expand', [x, g.ints(2, 4)])],
    ['Squeeze', (g, x) => g.op('Squeeze', [x, g.ints(0)])],
    ['Unsqueeze', (g, x) => g.op('Unsqueeze', [x, g.ints(0, 0)])],
    ['Slice', (g, x) => g.op('Slice', [x, g.ints(0), g.ints(1), g.ints(2)])],
    ['Softmax', (g, x) => g.op('Softmax', [x], { axis: 0 })],
    ['ReduceSum', (g, x) => g.op('ReduceSum', [x, g.ints(2)])],
    ['GatherElements', (g, x) => g.op('GatherElements', [x, int64(g, 'i', [3, 1], 0, 0, 0)], { axis: 1 })],
    ['ScatterND', (g, x) => g.op('ScatterND', [x, int64(g, 'i', [1, 1], 0), x])],
    ['Gather', (g, x) => g.op('Gather', [x, x])],
    ['Where', (g, x) => g.op('Where', [x, x, x])],
    ['Mul', (g, x) => g.op('Mul', [x, g.ints(2)])],
    ['FusedMatMul', (g, x) => g.op('FusedMatMul', [x, x], { transBatchA: 1 })],
  ];
  it.each(bad)('%s throws for operands that it cannot take', (opType, write) => {
    const { graph } = graphOf([2, 3]);
    expect(() => write(graph, 'a')).toThrow(RangeError);
    expect(() => write(graphOf([2, 3]).graph, 'a')).toThrow(new RegExp(`^${opType}\\(`));
  });

  it('infers the dims that ONNX Runtime computes, for operators without gradients as well', async () => {
    const { graph, names } = graphOf([2, 3], [3]);
    const [a = '', b = ''] = names;
    const at = int64(graph, 'at', [2, 2], 0, 2, 1, 0);
    const rows = int64(graph, 'rows', [1, 1], 1);
    const values = new Map([
      ['greater', graph.op('Greater', [a, b])],
      ['less', graph.op('Less', [b, a])],
      ['equal', graph.op('Equal', [a, b])],
      ['sign', graph.op('Sign', [a])],
      ['max', graph.op('Max', [b, a, graph.floats(0)])],
      ['min', graph.op('Min', [a, b])],
      ['sum', graph.op('Sum', [b, a, b])],
      ['largest', graph.op('ReduceMax', [a, graph.ints(-1)], { keepdims: 0 })],
      ['largest of all', graph.op('ReduceMax', [a], { keepdims: 0 })],
      ['zeros', graph.zeros([2, 1, 2])],
      ['scattered', graph.op('ScatterElements', [a, at, graph.zeros([2, 2])], { axis: 1, reduction: 'add' })],
      ['row scattered', graph.op('ScatterND', [a, rows, graph.zeros([1, 3])], { reduction: 'add' })],
      ['gathered', graph.op('Gather', [a, at], { axis: 1 })],
      ['elements', graph.op('GatherElements', [a, at], { axis: 1 })],
    ]);
    for (const [name, value] of values) graph.output(value, name);
    const results = await run(graph.encode('shapes'), {
      a: asTensor(operand(1, [2, 3])),
      b: asTensor(operand(2, [3])),
    });
    for (const [name, value] of values)
      expect([name, results[name]?.dims]).toEqual([name, graph.dims(value)]);
  });

  it('gives a value out under several names, and an input as it is', async () => {
    const { graph } = graphOf([2]);
    const twice = graph.op('Add', ['a', 'a'], {}, 'twice');
    for (const as of ['first', 'second']) graph.output(twice, as);
    graph.output('a', 'same');
    graph.output(graph.op('Neg', [twice]), 'negative');
    const results = await run(graph.encode('names'), { a: new Tensor('float32', [1, 2], [2]) });
    const read = Object.entries(results).map(([name, tensor]) => [name, [...(tensor.data as Float32Array)]]);
    expect(Object.fromEntries(read)).toEqual({
      first: [2, 4],
      second: [2, 4],
      same: [1, 2],
      negative: [-2, -4],
    });
  });

  it('writes only what its outputs need', () => {
    const size = (extra: boolean): number => {
      const { graph } = graphOf([2]);
      const sum = graph.op('Add', ['a', graph.floats(1)]);
      if (extra) graph.op('Mul', [sum, graph.floats(2, 3)]);
      graph.output(sum, 'sum');
      return graph.encode('needed').length;
    };
    expect(size(true)).toBe(size(false));
  });
});

describe('differentiate', () => {
  it('throws with the name of an operator on the path that it has no rule for', () => {
    const { graph } = graphOf([2]);
    const loss = graph.op('ReduceMax', [graph.op('Mul', ['a', 'a'])], { keepdims: 0 });
    expect(() => differentiate(graph, loss, ['a'])).toThrow(/^ReduceMax: no gradient rule/);
  });

  it('does not care for operators off the path', () => {
    const { graph } = graphOf([2], [2]);
    const mask = graph.op('Cast', [graph.op('Greater', ['a', 'b'])], { to: 1 });
    const scale = graph.op('ReduceMax', ['b'], { keepdims: 0 });
    const loss = graph.op('ReduceSum', [graph.op('Mul', [graph.op('Mul', ['a', mask]), scale])], {
      keepdims: 0,
    });
    expect(graph.dims(differentiate(graph, loss, ['a']).get('a') ?? '')).toEqual([2]);
  });

  it('throws for a loss that is no scalar, or that a value has no part in', () => {
    const { graph } = graphOf([2], [2]);
    const loss = graph.op('ReduceSum', ['a'], { keepdims: 0 });
    expect(() => differentiate(graph, 'a', ['a'])).toThrow('not a float32 scalar');
    expect(() => differentiate(graph, loss, ['b'])).toThrow('does not depend on b');
  });

  it('differentiates by a value inside of the graph, and by a loss itself', async () => {
    const { graph } = graphOf([2]);
    const square = graph.op('Mul', ['a', 'a']);
    const loss = graph.op('ReduceSum', [graph.op('Mul', [square, square])], { keepdims: 1 });
    for (const [value, gradient] of differentiate(graph, loss, [square, loss, 'a']))
      graph.output(gradient, `d ${value}`);
    const results = await run(graph.encode('inside'), { a: new Tensor('float32', [1, 2], [2]) });
    expect([...(results[`d ${square}`]?.data as Float32Array)]).toEqual([2, 8]);
    expect([...(results['d a']?.data as Float32Array)]).toEqual([4, 32]);
    expect([...(results[`d ${loss}`]?.data as Float32Array)]).toEqual([1]);
  });
});
