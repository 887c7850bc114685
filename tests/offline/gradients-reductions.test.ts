import fc from 'fast-check';
import { describe, it } from 'vitest';
import { agrees, dimsOf, indices, RUNS, seed } from './support/gradient-cases.ts';
import { operand, sizeOf } from './support/gradient-lab.ts';

describe('gradients of reductions', () => {
  const cases = dimsOf(1, 3).chain((dims) =>
    fc.tuple(fc.constant(dims), fc.subarray([...dims.keys()]), fc.boolean(), fc.boolean(), seed),
  );

  it.each(['ReduceSum', 'ReduceMean'])('%s over any axes, named either way', async (opType) => {
    await fc.assert(
      fc.asyncProperty(cases, async ([dims, axes, keep, asInput, from]) => {
        await agrees([operand(from, dims)], (graph, [x = '']) => {
          const squares = graph.op('Mul', [x, x]);
          const keepdims = Number(keep);
          if (axes.length === 0) return graph.op(opType, [squares], { keepdims });
          return asInput
            ? graph.op(opType, [squares, graph.ints(...axes.map((axis) => axis - dims.length))], { keepdims })
            : graph.op(opType, [squares], { keepdims, axes });
        });
      }),
      RUNS,
    );
  });

  it.each(['Softmax', 'LogSoftmax'])('%s', async (opType) => {
    await fc.assert(
      fc.asyncProperty(dimsOf(1, 3), seed, async (dims, from) => {
        await agrees([operand(from, dims, -2, 2)], (graph, names) => graph.op(opType, names, { axis: -1 }));
      }),
      RUNS,
    );
  });

  it('LogSoftmax of which single elements are picked, some twice, with and without other uses', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(4), { minLength: 6, maxLength: 6 }),
        fc.boolean(),
        async (at, more) => {
          await agrees([operand(3, [2, 5], -2, 2)], (graph, names) => {
            const logs = graph.op('LogSoftmax', names);
            const picked = graph.op('GatherElements', [logs, indices(graph, [2, 3], at)], { axis: 1 });
            if (!more) return picked;
            const other = graph.op('ReduceMean', [graph.op('Exp', [logs])], { axes: [0, 1] });
            return graph.op('Add', [picked, other]);
          });
        },
      ),
      RUNS,
    );
  });
});

describe('gradients of LogSoftmax where only some rows are picked from', () => {
  it.each([
    ['rows', [1, 2], 0],
    ['elements of a row', [1, 2], 1],
    ['elements of columns', [3, 2], 0],
  ] as const)('%s', async (_, dims, axis) => {
    const at = Array.from({ length: sizeOf(dims) }, (__, i) => (i * 2) % 3);
    await agrees([operand(3, [3, 5], -2, 2)], (graph, names) => {
      const logs = graph.op('LogSoftmax', names);
      return graph.op('GatherElements', [logs, indices(graph, dims, at)], { axis });
    });
  });

  it('by Gather', async () => {
    await agrees([operand(3, [5], -2, 2)], (graph, names) =>
      graph.op('Gather', [graph.op('LogSoftmax', names), indices(graph, [3], [4, 0, 4])]),
    );
  });
});
