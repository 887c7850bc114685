import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { agrees, dim, dimsOf, indices, RUNS, seed } from './support/gradient-cases.ts';
import { compareGradients, DIFFERENCE_TOLERANCE, operand, sizeOf } from './support/gradient-lab.ts';

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
