import fc from 'fast-check';
import { expect } from 'vitest';
import type { StaticGraph } from '../../../offline/differentiate/static-graph.ts';
import { compareGradients, DIFFERENCE_TOLERANCE, gap, type Emit, type Operand } from './gradient-lab.ts';

/** Integer arrays in, one value out: no two cases share a session, so few runs of each have to do. */
export const RUNS = { numRuns: 8 } as const;

export async function agrees(operands: readonly Operand[], emit: Emit): Promise<void> {
  expect(gap(await compareGradients(operands, emit))).toBeLessThan(DIFFERENCE_TOLERANCE);
}

export const seed = fc.nat(1000);
export const dim = fc.integer({ min: 1, max: 3 });
export const dimsOf = (minLength: number, maxLength: number): fc.Arbitrary<number[]> =>
  fc.array(dim, { minLength, maxLength });

/** Dims that broadcast to `to`: leading axes may be missing, others may be 1. */
export function broadcastable(to: readonly number[]): fc.Arbitrary<number[]> {
  return fc
    .tuple(fc.nat(to.length), fc.array(fc.boolean(), { minLength: to.length, maxLength: to.length }))
    .map(([skip, ones]) => to.map((size, axis) => (ones[axis] === true ? 1 : size)).slice(skip));
}

export const operandPair = dimsOf(0, 3).chain((to) => fc.tuple(broadcastable(to), broadcastable(to), seed));

export function indices(graph: StaticGraph, dims: readonly number[], values: readonly number[]): string {
  return graph.constant('indices', 'int64', dims, BigInt64Array.from(values, BigInt));
}
