import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Segment } from '../../core/bundle-manifest.ts';
import { LEVELS } from '../../core/level.ts';
import { decoderParams, type ModelConfig } from '../../core/model-config.ts';
import { evenImportance, orderUnits, type UnitImportance } from '../../offline/importance/unit-importance.ts';
import { planLevels, planSingle } from '../../offline/levels/level-plan.ts';
import { DEFAULT_RANKING, evenCuts, rankCells } from '../../offline/levels/rank-cells.ts';
import { permuteColumns, permuteRows } from '../../offline/levels/reorder.ts';
import { TINY_CONFIG } from '../../offline/sources/tiny-model.ts';

const configs = fc
  .record({
    layers: fc.integer({ min: 2, max: 32 }),
    kvHeads: fc.constantFrom(1, 2, 4),
    ffnSize: fc.integer({ min: 8, max: 700 }),
  })
  .map((shape): ModelConfig => ({ ...TINY_CONFIG, ...shape }));

function importanceOf(config: ModelConfig, scores: readonly number[]): UnitImportance {
  const even = evenImportance(config);
  const layers = even.layers.map((layer, i) => ({
    ...layer,
    mlp: scores[(2 * i) % scores.length] ?? 0,
    attention: scores[(2 * i + 1) % scores.length] ?? 0,
  }));
  return { ...even, layers };
}

const cases = fc.record({
  config: configs,
  scores: fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: 1, maxLength: 64 }),
  cellsPerMlp: fc.integer({ min: 1, max: 6 }),
});

const paramsOf = (segments: readonly Segment[]): number =>
  segments.reduce((sum, { params }) => sum + params, 0);

describe('level plans', () => {
  it('are nested prefixes, each within half a cell of its level, the last one whole', () => {
    fc.assert(
      fc.property(cases, ({ config, scores, cellsPerMlp }) => {
        const cells = rankCells(config, importanceOf(config, scores), { ...DEFAULT_RANKING, cellsPerMlp });
        const plan = planLevels(config, cells);
        const whole = decoderParams(config);
        const largestCell = Math.max(...cells.map(({ params }) => params)) / whole;
        expect(plan.levels.map(({ level }) => level)).toEqual([...LEVELS]);
        expect(plan.levels.at(-1)).toMatchObject({
          prefix: plan.segments.length,
          decoderRatio: 1,
          totalRatio: 1,
        });
        for (const [i, { level, prefix, decoderRatio }] of plan.levels.entries()) {
          const kept = plan.ranking.slice(0, prefix).map((index) => plan.segments[index] as Segment);
          expect(paramsOf(kept) / whole).toBeCloseTo(decoderRatio, 9);
          // With cells larger than a step, a level may have to share the first cell with the one below.
          if (largestCell < 0.1)
            expect(Math.abs(decoderRatio - level / 100)).toBeLessThanOrEqual(largestCell / 2 + 1e-9);
          expect(prefix).toBeGreaterThanOrEqual(plan.levels[i - 1]?.prefix ?? plan.alwaysOn);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('cover every unit of every layer exactly once, in the order of the layer', () => {
    fc.assert(
      fc.property(cases, ({ config, scores, cellsPerMlp }) => {
        const plan = planLevels(
          config,
          rankCells(config, importanceOf(config, scores), { ...DEFAULT_RANKING, cellsPerMlp }),
        );
        expect([...plan.ranking].sort((a, b) => a - b)).toEqual([...plan.segments.keys()]);
        for (let layer = 0; layer < config.layers; layer++)
          for (const [kind, units] of [
            ['mlp', config.ffnSize],
            ['attention', config.kvHeads],
          ] as const) {
            let next = 0;
            for (const index of plan.ranking) {
              const segment = plan.segments[index];
              if (segment?.layer !== layer || segment.kind !== kind) continue;
              expect(segment.unitStart).toBe(next);
              next += segment.units;
            }
            expect(next).toBe(units);
          }
      }),
      { numRuns: 50 },
    );
  });

  it('keep anchors at every level: first and last MLP, attention of the first two layers', () => {
    const config = { ...TINY_CONFIG, layers: 20 };
    const plan = planLevels(config, rankCells(config, evenImportance(config)));
    const always = plan.ranking.slice(0, plan.alwaysOn).map((index) => plan.segments[index]);
    for (const [layer, kind] of [
      [0, 'mlp'],
      [19, 'mlp'],
      [0, 'attention'],
      [1, 'attention'],
    ] as const)
      expect(always).toContainEqual(expect.objectContaining({ layer, kind, unitStart: 0 }));
  });

  it('merge cells of a layer that switch together', () => {
    const config = { ...TINY_CONFIG, layers: 20 };
    const plan = planLevels(config, rankCells(config, evenImportance(config)));
    const anchors = plan.segments.filter(
      ({ layer, kind }) => kind === 'mlp' && (layer === 0 || layer === 19),
    );
    expect(anchors.map(({ units }) => units)).toEqual([config.ffnSize, config.ffnSize]);
  });

  it('of the uncut model gate nothing', () => {
    const plan = planSingle(TINY_CONFIG);
    expect(plan.alwaysOn).toBe(plan.segments.length);
    expect(plan.levels).toHaveLength(1);
  });

  it('refuse cells that leave something out', () => {
    const cells = rankCells(TINY_CONFIG, evenImportance(TINY_CONFIG)).slice(1);
    expect(() => planLevels(TINY_CONFIG, cells)).toThrow('do not cover');
  });
});

describe('cuts and orders', () => {
  it.each([
    [1536, 4, [0, 384, 768, 1152, 1536]],
    [1536, 3, [0, 512, 1024, 1536]],
    [256, 4, [0, 64, 128, 192, 256]],
    [10, 3, [0, 3, 7, 10]],
    [64, 1, [0, 64]],
  ])('%i neurons in %i cells are cut at %j', (ffnSize, cells, expected) =>
    expect(evenCuts(ffnSize, cells)).toEqual(expected),
  );

  it('put the most important unit first', () => {
    const layers = [
      { neurons: Float32Array.of(1, 3, 2), kvGroups: Float32Array.of(5, 5), mlp: 1, attention: 1 },
    ];
    expect(orderUnits({ method: '', layers })).toEqual([{ neurons: [1, 2, 0], kvGroups: [0, 1] }]);
  });

  it('move rows and columns by whole units', () => {
    const matrix = Float32Array.of(0, 1, 2, 3, 10, 11, 12, 13);
    expect([...permuteRows(matrix, 4, 1, [1, 0])]).toEqual([10, 11, 12, 13, 0, 1, 2, 3]);
    expect([...permuteColumns(matrix, 4, 2, [1, 0])]).toEqual([2, 3, 0, 1, 12, 13, 10, 11]);
  });
});
