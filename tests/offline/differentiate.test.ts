import { describe, expect, it } from 'vitest';
import { compareGradients, gap, operand, type Emit, type Operand } from './support/gradient-lab.ts';

/** Central differences in float32 are good to about this much. */
const TOLERANCE = 3e-3;

const cases: readonly (readonly [string, readonly Operand[], Emit])[] = [
  ['Add', [operand(1, [2, 3]), operand(2, [3])], (g, [a = '', b = '']) => g.op('Add', [a, b])],
  ['Sub', [operand(1, [2, 1]), operand(2, [3])], (g, [a = '', b = '']) => g.op('Sub', [a, b])],
  ['Mul', [operand(1, [2, 3]), operand(2, [2, 1])], (g, [a = '', b = '']) => g.op('Mul', [a, b])],
  ['Mul by itself', [operand(1, [2, 3])], (g, [a = '']) => g.op('Mul', [a, a])],
  ['Div', [operand(1, [2, 3]), operand(2, [2, 1], 0.5, 1.5)], (g, [a = '', b = '']) => g.op('Div', [a, b])],
  [
    'Div by a row',
    [operand(1, [2, 1]), operand(2, [3], 0.5, 1.5)],
    (g, [a = '', b = '']) => g.op('Div', [a, b]),
  ],
  ['MatMul', [operand(1, [2, 3]), operand(2, [3, 4])], (g, [a = '', b = '']) => g.op('MatMul', [a, b])],
  [
    'MatMul of a batch by a matrix',
    [operand(1, [2, 2, 3]), operand(2, [3, 4])],
    (g, [a = '', b = '']) => g.op('MatMul', [a, b]),
  ],
  [
    'FusedMatMul',
    [operand(1, [2, 3, 2]), operand(2, [2, 4, 3])],
    (g, [a = '', b = '']) => g.op('FusedMatMul', [a, b], { transA: 1, transB: 1, alpha: { float: 0.5 } }),
  ],
  ['Softmax', [operand(1, [2, 5])], (g, [a = '']) => g.op('Softmax', [a])],
  ['LogSoftmax', [operand(1, [2, 5])], (g, [a = '']) => g.op('LogSoftmax', [a])],
  [
    'GatherElements of LogSoftmax',
    [operand(1, [2, 5])],
    (g, [a = '']) =>
      g.op(
        'GatherElements',
        [g.op('LogSoftmax', [a]), g.constant('i', 'int64', [2, 3], BigInt64Array.of(1n, 1n, 4n, 0n, 2n, 1n))],
        { axis: 1 },
      ),
  ],
  [
    'ReduceMean of a square',
    [operand(1, [2, 5])],
    (g, [a = '']) => g.op('ReduceMean', [g.op('Mul', [a, a])], { axes: [1], keepdims: 0 }),
  ],
  [
    'Slices',
    [operand(1, [2, 6])],
    (g, [a = '']) => {
      const s = (f: number, t: number) => g.op('Slice', [a, g.ints(f), g.ints(t), g.ints(1)]);
      return g.op('Mul', [g.op('Mul', [s(1, 3), s(4, 6)]), s(2, 4)]);
    },
  ],
  [
    'Gather',
    [operand(1, [4, 2])],
    (g, [a = '']) =>
      g.op('Gather', [a, g.constant('i', 'int64', [2, 3], BigInt64Array.of(1n, 1n, 3n, 0n, 3n, 1n))]),
  ],
];

describe('gradients', () => {
  it.each(cases)('%s', async (_, operands, emit) => {
    expect(gap(await compareGradients(operands, emit))).toBeLessThan(TOLERANCE);
  });
});
