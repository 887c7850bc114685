import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { agrees, broadcastable, dim, dimsOf, RUNS, seed } from './support/gradient-cases.ts';
import { operand } from './support/gradient-lab.ts';

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
