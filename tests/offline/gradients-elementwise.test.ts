import fc from 'fast-check';
import { describe, it } from 'vitest';
import { agrees, operandPair, RUNS } from './support/gradient-cases.ts';
import { awayFromZero, operand } from './support/gradient-lab.ts';

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

  it.each(['Add', 'Sub', 'Mul', 'Div', 'Sum'])('%s over operands that broadcast', async (opType) => {
    await fc.assert(
      fc.asyncProperty(operandPair, async ([a, b, from]) => {
        const operands = [operand(from, a), operand(from + 1, b, 0.5, 1.5)];
        await agrees(operands, (graph, [x = '', y = '']) => graph.op(opType, [x, y]));
      }),
      RUNS,
    );
  });

  it('Where over operands that broadcast, off the step of its condition', async () => {
    await fc.assert(
      fc.asyncProperty(operandPair, async ([a, b, from]) => {
        const operands = [awayFromZero(operand(from, a)), operand(from + 1, b, 0.5, 1.5)];
        await agrees(operands, (graph, [x = '', y = '']) =>
          graph.op('Where', [graph.op('Greater', [graph.op('Neg', [x]), graph.floats(0.01)]), y, x]),
        );
      }),
      { ...RUNS, examples: [[[[2, 3], [3], 4]], [[[1, 2, 3], [1, 2, 3], 30]]] },
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
