import { expect, test } from 'vitest';
import { causalMask, MASKED, rotaryRows, staticLayers } from '../../core/static-prefill.ts';
import type { Segment } from '../../core/bundle-manifest.ts';

test('a mask shows a token the past and the chunk up to itself, once per query head', () => {
  const x = MASKED;
  // Two rows of the past in a bucket of three, chunk of two.
  const rows = [
    [0, 0, x, 0, x],
    [0, 0, x, 0, 0],
  ];
  expect([...causalMask(2, 2, 2, 3)]).toEqual([...rows, ...rows].flat());
});

test('a mask over a past as long as its bucket hides nothing of it', () => {
  expect([...causalMask(1, 2, 1, 1)]).toEqual([0, 0, MASKED, 0, 0, 0]);
});

test('rotary rows rotate each half against the other by the angle of its position', () => {
  const { cos, sin } = rotaryRows({ headDim: 4, ropeTheta: 100 }, 3, 2);
  const angles = [
    [3, 0.3],
    [4, 0.4],
  ];
  const near = (values: Float32Array, expected: readonly number[]): void =>
    expected.forEach((value, i) => expect(values[i]).toBeCloseTo(value, 6));
  near(
    cos,
    angles.flatMap(([a = 0, b = 0]) => [Math.cos(a), Math.cos(b), Math.cos(a), Math.cos(b)]),
  );
  near(
    sin,
    angles.flatMap(([a = 0, b = 0]) => [-Math.sin(a), -Math.sin(b), Math.sin(a), Math.sin(b)]),
  );
});

test('the layers of a level are those with attention, their groups those of the segments that are on', () => {
  const segment = (layer: number, kind: Segment['kind'], unitStart: number, units: number): Segment => ({
    layer,
    kind,
    unitStart,
    units,
    params: 1,
  });
  const segments = [
    segment(0, 'attention', 0, 2),
    segment(0, 'attention', 2, 1),
    segment(0, 'mlp', 0, 8),
    segment(1, 'attention', 0, 3),
    segment(2, 'attention', 0, 3),
  ];
  const layout = { segments, ranking: [2, 4, 0, 1, 3], alwaysOn: 1 };
  expect(staticLayers(layout, 3)).toEqual([
    { layer: 0, places: [0], groups: 2 },
    { layer: 2, places: [3], groups: 3 },
  ]);
  expect(staticLayers(layout, 4)[0]).toEqual({ layer: 0, places: [0, 1], groups: 3 });
  expect(staticLayers(layout, 1)).toEqual([]);
});
