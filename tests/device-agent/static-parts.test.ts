import { describe, expect, test } from 'vitest';
import type { Level } from '../../core/level.ts';
import { concreteGraph } from '../../device-agent/engine/static/concrete-graph.ts';
import { planChunks } from '../../device-agent/engine/static/plan-chunks.ts';
import { ResidentLevels } from '../../device-agent/engine/static/resident-levels.ts';
import { encodeModel, valueInfo } from '../../offline/graph/onnx-schema.ts';
import { readOnnx } from '../offline/support/read-onnx.ts';

describe('planned chunks', () => {
  const rules = { chunk: 100, pastBuckets: [], minimumFill: 0.5 };
  test.each<[number, readonly (readonly [at: number, tokens: number])[]]>([
    [0, []],
    [1, []],
    [50, []],
    [51, [[0, 50]]],
    [101, [[0, 100]]],
    [150, [[0, 100]]],
    [
      151,
      [
        [0, 100],
        [100, 50],
      ],
    ],
    [
      301,
      [
        [0, 100],
        [100, 100],
        [200, 100],
      ],
    ],
  ])('of %i tokens are %j', (tokens, expected) => {
    expect(planChunks(tokens, rules)).toEqual(
      expected.map(([at, count]) => ({ at, tokens: count, past: null })),
    );
  });

  test('take the smallest bucket that holds their past, and end behind the largest', () => {
    const planned = planChunks(1000, { ...rules, pastBuckets: [150, 250] });
    expect(planned.map(({ at, past }) => [at, past])).toEqual([
      [0, 150],
      [100, 150],
      [200, 250],
    ]);
  });

  test('are run for any number of tokens where no fill is asked for', () => {
    expect(planChunks(102, { ...rules, minimumFill: 0 })).toHaveLength(2);
    expect(planChunks(2, { ...rules, minimumFill: 0 })).toHaveLength(1);
    expect(planChunks(1, { ...rules, minimumFill: 0 })).toHaveLength(0);
  });
});

describe('resident levels', () => {
  const wanted = (resident: ResidentLevels, levels: readonly Level[]): void =>
    levels.forEach((level) => resident.wish(level));

  test('take every level while there is room', () => {
    const resident = new ResidentLevels(2);
    expect(resident.change(100)).toEqual({ evict: null });
    resident.add(100);
    expect(resident.change(100)).toBeNull();
    expect(resident.change(60)).toEqual({ evict: null });
  });

  test('do not change places by turns', () => {
    const resident = new ResidentLevels(2);
    resident.add(100);
    resident.add(60);
    for (let i = 0; i < 20; i++) {
      wanted(resident, [100, 60, 20]);
      expect(resident.change(20)).toBeNull();
    }
  });

  test('give the least wanted place to a level that is wanted more', () => {
    const resident = new ResidentLevels(2);
    wanted(resident, [100, 100, 60]);
    resident.add(100);
    resident.add(60);
    wanted(resident, [20, 20]);
    expect(resident.change(20)).toBeNull();
    wanted(resident, [20]);
    expect(resident.change(20)).toEqual({ evict: 60 });
    resident.remove(60);
    expect(resident.change(20)).toEqual({ evict: null });
  });

  test('forget what was wanted long ago', () => {
    const resident = new ResidentLevels(1);
    resident.add(100);
    wanted(resident, Array<Level>(60).fill(100));
    const needed = Array.from({ length: 200 }).findIndex(() => {
      resident.wish(20);
      return resident.change(20) !== null;
    });
    expect(needed).toBeGreaterThan(0);
    expect(needed).toBeLessThan(60);
  });

  test('make room in any case where they must', () => {
    const resident = new ResidentLevels(1);
    resident.add(100);
    expect(resident.change(20)).toBeNull();
    expect(resident.change(20, true)).toEqual({ evict: 100 });
  });
});

describe('a graph with its dims set', () => {
  const bytes = encodeModel({
    name: 'small',
    node: [{ opType: 'Add', name: 'sum', domain: '', input: ['a', 'a'], output: ['b'], attribute: [] }],
    initializer: [],
    input: [valueInfo('a', 'float32', ['S', 'P', 4])],
    output: [valueInfo('b', 'float32', ['S', 'P', 300])],
  });

  test('has numbers in place of the names, small and large', () => {
    const graph = readOnnx(concreteGraph(bytes, { S: 128, P: 70_000 }));
    expect(graph.inputs).toEqual([{ name: 'a', elementType: 1, dims: [128, 70_000, 4] }]);
    expect(graph.outputs[0]?.dims).toEqual([128, 70_000, 300]);
    expect(graph.nodes).toEqual(readOnnx(bytes).nodes);
  });

  test('keeps names that it was told nothing of', () => {
    expect(readOnnx(concreteGraph(bytes, { S: 1 })).inputs[0]?.dims).toEqual([1, 'P', 4]);
    expect([...concreteGraph(bytes, {})]).toEqual([...bytes]);
  });

  test('is refused where the bytes end inside of it', () => {
    expect(() => concreteGraph(bytes.subarray(0, bytes.length - 3), { S: 1 })).toThrow(
      'ends inside of a field',
    );
  });
});
