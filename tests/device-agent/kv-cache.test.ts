import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KvPool, roundCapacity, type KvCache } from '../../device-agent/engine/kv-cache.ts';

const HEAD_DIM = 3;

/** kv_delta [2, groups on, tokens, headDim] whose values name side, segment, group, position and element. */
function delta(
  groups: readonly number[],
  on: readonly boolean[],
  from: number,
  tokens: number,
): Float32Array {
  const values: number[] = [];
  for (let side = 0; side < 2; side++)
    for (const [segment, count] of groups.entries())
      for (let group = 0; on[segment] === true && group < count; group++)
        for (let position = from; position < from + tokens; position++)
          for (let d = 0; d < HEAD_DIM; d++) values.push(valueAt(side, segment, group, position, d));
  return Float32Array.from(values);
}

function valueAt(side: number, segment: number, group: number, position: number, d: number): number {
  return (((side * 8 + segment) * 8 + group) * 256 + position) * 4 + d;
}

/** Every filled value of the segments that are on, wrong ones listed. */
function wrongValues(cache: KvCache, groups: readonly number[], on: readonly boolean[]): string[] {
  const wrong: string[] = [];
  for (const [side, tensors] of [cache.keys, cache.values].entries())
    for (const [segment, count] of groups.entries())
      for (let group = 0; on[segment] === true && group < count; group++)
        for (let position = 0; position < cache.length; position++)
          for (let d = 0; d < HEAD_DIM; d++) {
            const data = tensors[segment]?.data as Float32Array;
            const value = data[(group * cache.capacity + position) * HEAD_DIM + d];
            if (value !== valueAt(side, segment, group, position, d))
              wrong.push(`${side}.${segment}.${group}.${position}.${d}`);
          }
  return wrong;
}

describe('KvCache', () => {
  const segment = fc.record({ groups: fc.integer({ min: 1, max: 4 }), on: fc.boolean() });

  test('rows land at their position of every segment that is on, whatever the chunks', () => {
    fc.assert(
      fc.property(
        fc.array(segment, { minLength: 1, maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 }),
        (segments, chunks) => {
          const groups = segments.map((each) => each.groups);
          const on = segments.map((each) => each.on);
          const pool = new KvPool({ groups, headDim: HEAD_DIM });
          let cache = pool.acquire(chunks[0] ?? 1);
          for (const tokens of chunks) {
            if (cache.length + tokens > cache.capacity) cache = pool.grow(cache, cache.length + tokens);
            cache.append(delta(groups, on, cache.length, tokens), tokens, on);
          }
          expect(cache.length).toBe(chunks.reduce((a, b) => a + b, 0));
          expect(wrongValues(cache, groups, on)).toEqual([]);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('refuses rows of another level and rows beyond its capacity', () => {
    const cache = new KvPool({ groups: [1, 1], headDim: HEAD_DIM }).acquire(1);
    expect(() => cache.append(delta([1, 1], [true, false], 0, 1), 1, [true, true])).toThrow('kv_delta');
    const tooMany = cache.capacity + 1;
    expect(() => cache.append(delta([1, 1], [true, true], 0, tooMany), tooMany, [true, true])).toThrow(
      'full',
    );
  });
});

describe('KvPool', () => {
  test('capacities are multiples of 64 that fit', () => {
    expect([1, 64, 65, 128, 1000].map(roundCapacity)).toEqual([64, 64, 128, 128, 1024]);
  });

  test('a released cache is handed out again, empty, to a request of its size only', () => {
    const pool = new KvPool({ groups: [2], headDim: HEAD_DIM });
    const first = pool.acquire(100);
    first.append(delta([2], [true], 0, 5), 5, [true]);
    pool.release(first);
    expect(pool.acquire(200)).not.toBe(first);
    const again = pool.acquire(70);
    expect(again).toBe(first);
    expect(again.length).toBe(0);
    expect(pool.acquire(70)).not.toBe(first);
  });
});
