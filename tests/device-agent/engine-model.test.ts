import { describe, expect, test } from 'vitest';
import type { Segment } from '../../core/bundle-manifest.ts';
import { attentionGroups } from '../../core/elastic-graph.ts';
import { checkLowering, levelsOf, type EngineModel } from '../../device-agent/engine/engine-model.ts';

const config = {
  architecture: 'llama',
  hiddenSize: 8,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 2,
  ffnSize: 16,
  vocabSize: 32,
  contextLength: 64,
  ropeTheta: 10000,
  rmsNormEps: 1e-5,
  tiedEmbedding: true,
  qkvBias: false,
  qkNorm: false,
} as const;
const segment = (layer: number, kind: Segment['kind'], units: number): Segment => ({
  layer,
  kind,
  unitStart: 0,
  units,
  params: units,
});
/** Ranking: both MLP heads and layer 0's attention first, then MLP of layer 1, then its attention. */
const model: EngineModel = {
  config,
  segments: [
    segment(0, 'attention', 2),
    segment(0, 'mlp', 16),
    segment(1, 'attention', 2),
    segment(1, 'mlp', 16),
  ],
  ranking: [0, 1, 3, 2],
  alwaysOn: 2,
  levels: [
    { level: 20, prefix: 2 },
    { level: 60, prefix: 3 },
    { level: 100, prefix: 4 },
  ],
  firstTokenAlone: false,
};

test('each level feeds its gates in segment order and knows its attention', () => {
  expect(levelsOf(model).map(({ level, gates, attentionOn }) => [level, [...gates], attentionOn])).toEqual([
    [20, [0n, 0n], [true, false]],
    [60, [0n, 1n], [true, false]],
    [100, [1n, 1n], [true, true]],
  ]);
  expect(attentionGroups(model.segments)).toEqual([2, 2]);
});

describe('checkLowering', () => {
  const [low, mid, full] = levelsOf(model);
  test.each([
    ['MLP segments only', mid, low, true],
    ['the same level', mid, mid, true],
    ['other attention segments', full, mid, false],
    ['upwards', low, mid, false],
  ])('%s', (_name, from, to, allowed) => {
    if (from === undefined || to === undefined) throw new Error('three levels');
    const result = checkLowering(from, to);
    expect(result.ok).toBe(allowed);
    if (!result.ok) expect(result.failure.code).toBe('level-not-lowerable');
  });
});

test('a level that keeps fewer groups of a layer is refused inside a request, one with fewer neurons is not', () => {
  const cut: EngineModel = {
    ...model,
    segments: [
      segment(0, 'attention', 1),
      { ...segment(0, 'attention', 1), unitStart: 1 },
      segment(0, 'mlp', 8),
      { ...segment(0, 'mlp', 8), unitStart: 8 },
    ],
    ranking: [0, 2, 1, 3],
    levels: [
      { level: 40, prefix: 2 },
      { level: 60, prefix: 3 },
      { level: 100, prefix: 4 },
    ],
  };
  const [fewer, all, full] = levelsOf(cut);
  if (fewer === undefined || all === undefined || full === undefined) throw new Error('three levels');
  expect(attentionGroups(cut.segments)).toEqual([1, 1]);
  expect(fewer.attentionOn).toEqual([true, false]);
  expect(checkLowering(full, all).ok).toBe(true);
  expect(checkLowering(all, fewer)).toMatchObject({ ok: false, failure: { code: 'level-not-lowerable' } });
});
