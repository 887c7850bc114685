import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StaticGraph } from '../../offline/differentiate/static-graph.ts';
import {
  awayFromZero,
  compareGradients,
  DIFFERENCE_TOLERANCE,
  gap,
  operand,
  sizeOf,
  type Emit,
  type Operand,
} from './support/gradient-lab.ts';

/** Integer arrays in, one value out: no two cases share a session, so few runs of each have to do. */
const RUNS = { numRuns: 8 } as const;

async function agrees(operands: readonly Operand[], emit: Emit): Promise<void> {
  expect(gap(await compareGradients(operands, emit))).toBeLessThan(DIFFERENCE_TOLERANCE);
}

const seed = fc.nat(1000);
const dim = fc.integer({ min: 1, max: 3 });
const dimsOf = (minLength: number, maxLength: number): fc.Arbitrary<number[]> =>
  fc.array(dim, { minLength, maxLength });

/** Dims that broadcast to `to`: leading axes may be missing, others may be 1. */
function broadcastable(to: readonly number[]): fc.Arbitrary<number[]> {
  return fc
    .tuple(fc.nat(to.length), fc.array(fc.boolean(), { minLength: to.length, maxLength: to.length }))
    .map(([skip, ones]) => to.map((size, axis) => (ones[axis] === true ? 1 : size)).slice(skip));
}

const operandPair = dimsOf(0, 3).chain((to) => fc.tuple(broadcastable(to), broadcastable(to), seed));

function indices(graph: StaticGraph, dims: readonly number[], values: readonly number[]): string {
  return graph.constant('indices', 'int64', dims, BigInt64Array.from(values, BigInt));
}

describe('gradients of elementwise operators', () => {
  it.each(['Neg', 'Exp', 'Sigmoid', 'Tanh', 'Erf', 'Identity'])('%s', async (opType) => {
    await agrees([operand(5, [2, 3])], (graph, [x = '']) => graph.op(opType, [x]));
  });

  it.each(['Abs', 'Relu', 'Reciprocal'])('%s off its kink or pole', async (opType) => {
    await agrees([awayFromZero(operand(6, [5], -1, 1))], (graph, [x = '']) =>
      opType === 'Reciprocal'
        ? graph.op(opType, [graph.op('Add', [graph.op('Abs', [x]), graph.floats(0.5)])])
        : graph.op(opType, [x]),
    );
  });

  it.each(['Sqrt', 'Log'])('%s of positive numbers', async (opType) => {
    await agrees([operand(7, [2, 3], 0.5, 2)], (graph, [x = '']) => graph.op(opType, [x]));
  });

  it.each(['Add', 'Sub', 'Mul', 'Div', 'Sum', 'Where'])('%s over operands that broadcast', async (opType) => {
    await fc.assert(
      fc.asyncProperty(operandPair, async ([a, b, from]) => {
        const operands = [operand(from, a), operand(from + 1, b, 0.5, 1.5)];
        await agrees(operands, (graph, [x = '', y = '']) => {
          if (opType !== 'Where') return graph.op(opType, [x, y]);
          return graph.op('Where', [graph.op('Greater', [graph.op('Neg', [x]), graph.floats(0.01)]), y, x]);
        });
      }),
      { ...RUNS, examples: opType === 'Where' ? [[[[2, 3], [3], 4]]] : [] },
    );
  });

  it('uses of a value add up, also within one operator', async () => {
    await agrees([operand(8, [2, 3])], (graph, [x = '']) => {
      const square = graph.op('Mul', [x, x]);
      return graph.op('Sum', [graph.op('Add', [x, x]), square, graph.op('Mul', [square, x])]);
    });
  });

  it('a sum that spreads over an axis again is not multiplied wrongly', async () => {
    await agrees([operand(9, [2, 3]), operand(10, [1])], (graph, [x = '', y = '']) => {
      const total = graph.op('ReduceSum', [graph.op('Mul', [x, y]), graph.ints(1)], { keepdims: 1 });
      const mean = graph.op('ReduceMean', [graph.op('Add', [x, y])], { axes: [0, 1] });
      return graph.op('Add', [graph.op('Exp', [total]), mean]);
    });
  });
});

describe('gradients of products', () => {
  it('MatMul over batches that broadcast', async () => {
    const cases = dimsOf(0, 2).chain((batch) =>
      fc.tuple(broadcastable(batch), broadcastable(batch), dim, dim, dim, seed),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ([a, b, rows, inner, columns, from]) => {
        const operands = [operand(from, [...a, rows, inner]), operand(from + 1, [...b, inner, columns])];
        await agrees(operands, (graph, names) => graph.op('MatMul', names));
      }),
      { ...RUNS, numRuns: 12, examples: [[[[2, 3], [2, 1], 2, 3, 2, 1]], [[[3, 2], [], 1, 2, 3, 2]]] },
    );
  });

  it('FusedMatMul with either side transposed and scaled', async () => {
    const cases = fc.tuple(dimsOf(0, 1), fc.boolean(), fc.boolean(), fc.boolean(), seed);
    await fc.assert(
      fc.asyncProperty(cases, async ([batch, transA, transB, shared, from]) => {
        const a = transA ? [3, 2] : [2, 3];
        const b = transB ? [4, 3] : [3, 4];
        const operands = [operand(from, [...batch, ...a]), operand(from + 1, shared ? b : [...batch, ...b])];
        const attributes = { transA: Number(transA), transB: Number(transB), alpha: { float: 0.5 } };
        await agrees(operands, (graph, names) => graph.op('FusedMatMul', names, attributes));
      }),
      { ...RUNS, numRuns: 12 },
    );
  });

  it('never write a Transpose', async () => {
    await agrees([operand(1, [2, 2, 3]), operand(2, [3, 2])], (graph, names) => {
      const before = graph.nodes.length;
      const result = graph.op('MatMul', names);
      expect(graph.nodes.slice(before).some(({ opType }) => opType === 'Transpose')).toBe(false);
      return result;
    });
  });
});

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

describe('gradients of operators that move elements', () => {
  const permuted = dimsOf(1, 4).chain((dims) =>
    fc.tuple(
      fc.constant(dims),
      fc.shuffledSubarray([...dims.keys()], { minLength: dims.length, maxLength: dims.length }),
    ),
  );

  it('Transpose by any permutation', async () => {
    await fc.assert(
      fc.asyncProperty(permuted, seed, async ([dims, perm], from) => {
        await agrees([operand(from, dims)], (graph, names) => graph.op('Transpose', names, { perm }));
      }),
      RUNS,
    );
  });

  it('Reshape, Squeeze, Unsqueeze, Expand, Cast', async () => {
    await agrees([operand(2, [2, 3])], (graph, [x = '']) => {
      const flat = graph.op('Reshape', [x, graph.ints(3, -1, 1)]);
      const wide = graph.op('Unsqueeze', [graph.op('Squeeze', [flat, graph.ints(-1)]), graph.ints(0, 2)]);
      const float = graph.op('Cast', [graph.op('Expand', [wide, graph.ints(2, 3, 2, 2)])], { to: 1 });
      return graph.op('Mul', [float, float]);
    });
  });

  it('Concat of any pieces', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(dim, { minLength: 1, maxLength: 3 }), fc.boolean(), async (lengths, last) => {
        const operands = lengths.map((length, from) => operand(from, last ? [2, length] : [length, 2]));
        await agrees(operands, (graph, names) => graph.op('Concat', names, { axis: last ? -1 : 0 }));
      }),
      RUNS,
    );
  });

  it('Slice: pieces with gaps and overlaps', async () => {
    const piece = fc.tuple(fc.nat(4), fc.integer({ min: 1, max: 3 }), fc.boolean());
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 4 }), async (pieces) => {
        await agrees([operand(4, [7, 7])], (graph, [x = '']) => {
          const parts = pieces.map(([start, length, columns]) => {
            const bounds = [start, start + length, columns ? 1 : 0].map((bound) => graph.ints(bound));
            return graph.op('ReduceSum', [graph.op('Exp', [graph.op('Slice', [x, ...bounds])])], {
              keepdims: 0,
            });
          });
          return graph.op('Sum', parts);
        });
      }),
      RUNS,
    );
  });

  it('Slice: several axes, steps, bounds from the end or out of range', async () => {
    const bound = fc.integer({ min: -8, max: 8 });
    const step = fc.constantFrom(-2, -1, 1, 2, 3);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(bound, bound, step), { minLength: 1, maxLength: 2 }),
        async (ranges) => {
          await agrees([operand(4, [5, 4])], (graph, [x = '']) => {
            const ints = (which: 0 | 1 | 2): string => graph.ints(...ranges.map((range) => range[which]));
            const axes = graph.ints(...ranges.keys());
            return graph.op('Add', [
              graph.op('ReduceSum', [graph.op('Slice', [x, ints(0), ints(1), axes, ints(2)])], {
                keepdims: 0,
              }),
              graph.op('ReduceMean', [x], { keepdims: 0 }),
            ]);
          });
        },
      ),
      { ...RUNS, numRuns: 16 },
    );
  });

  it('Gather of rows, some more than once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: -4, max: 3 }), { minLength: 4, maxLength: 4 }),
        async (at) => {
          await agrees([operand(5, [4, 2])], (graph, [x = '']) =>
            graph.op('Gather', [x, indices(graph, [2, 2], at)], { axis: 0 }),
          );
        },
      ),
      RUNS,
    );
  });

  it('GatherElements along any axis', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1), fc.array(fc.nat(2), { minLength: 4, maxLength: 4 }), async (axis, at) => {
        const dims = [3, 3].with(1 - axis, 2);
        await agrees([operand(6, dims)], (graph, [x = '']) =>
          graph.op('GatherElements', [x, indices(graph, [2, 2], at)], { axis }),
        );
      }),
      RUNS,
    );
  });

  it('a row that is gathered thousands of times gets every gradient', async () => {
    const at = Array.from({ length: 4096 }, (_, i) => i % 2);
    const table = operand(7, [2, 2]);
    const { computed, expected } = await compareGradients([table], (graph, [x = '']) => {
      const rows = graph.op('Gather', [x, indices(graph, [at.length], at)], { axis: 0 });
      const kinds = graph.constant(
        'kind',
        'float32',
        [at.length, 1],
        Float32Array.from(at, (row) => row + 1),
      );
      return graph.op('ReduceSum', [graph.op('Mul', [rows, kinds]), graph.ints(0)], { keepdims: 0 });
    });
    expect(sizeOf(table.dims)).toBe(computed.length);
    for (const [index, value] of computed.entries())
      expect(Math.abs(value / (expected[index] ?? NaN) - 1)).toBeLessThan(DIFFERENCE_TOLERANCE);
  });
});
