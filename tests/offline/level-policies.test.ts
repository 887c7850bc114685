import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Segment } from '../../core/bundle-manifest.ts';
import { LEVELS } from '../../core/level.ts';
import { decoderParams, type ModelConfig } from '../../core/model-config.ts';
import { unwrap } from '../../core/result.ts';
import {
  evenImportance,
  type CutLosses,
  type UnitImportance,
} from '../../offline/importance/unit-importance.ts';
import { LEVEL_TOLERANCE, planLevels, type LevelPlan } from '../../offline/levels/level-plan.ts';
import { LEVEL_POLICIES, planByPolicy, type LevelShapeOptions } from '../../offline/levels/plan-by-policy.ts';
import { anchorLayers, keepRatio } from '../../offline/levels/rank-paper.ts';
import { planByLayers } from '../../offline/levels/rank-layers.ts';
import { proportionalWidths } from '../../offline/levels/rank-proportional.ts';
import { TINY_CONFIG } from '../../offline/sources/tiny-model.ts';

/** From three MHA layers with large attention to 32 GQA layers; no attention larger than a level's step. */
const configs = fc
  .record({
    layers: fc.integer({ min: 3, max: 32 }),
    kvHeads: fc.constantFrom(1, 2, 4),
    ffnSize: fc.integer({ min: 256, max: 700 }),
  })
  .map((shape): ModelConfig => ({ ...TINY_CONFIG, ...shape }));

function cutsOf(ffnSize: number, loss: () => number): CutLosses {
  const widths = [Math.round(ffnSize / 3), Math.round((2 * ffnSize) / 3)];
  return { attention: loss(), mlp: widths.map((neurons) => ({ neurons, loss: loss() })) };
}

function importanceOf(
  config: ModelConfig,
  scores: readonly number[],
  acrossLayers: boolean,
  measured: boolean,
): UnitImportance {
  let next = 0;
  const score = (): number => scores[next++ % scores.length] ?? 0;
  const layers = evenImportance(config).layers.map(({ neurons, kvGroups }) => ({
    neurons: neurons.map(score),
    kvGroups: kvGroups.map(score),
    mlp: score(),
    attention: score(),
    layer: score(),
    ...(measured ? { cuts: cutsOf(config.ffnSize, score) } : {}),
  }));
  return { method: 'random', acrossLayers, layers };
}

const shapes: fc.Arbitrary<LevelShapeOptions> = fc.oneof(
  fc.record({ policy: fc.constant('even' as const), cellsPerMlp: fc.integer({ min: 1, max: 6 }) }),
  fc.record({
    policy: fc.constant('proportional' as const),
    cuts: fc.oneof(
      fc.record({ cells: fc.integer({ min: 1, max: 6 }) }),
      fc.constant({ ratios: [0.35, 0.55, 0.75] }),
    ),
    attentionUnit: fc.constantFrom('layer', 'group'),
  }),
  fc.record({
    policy: fc.constant('paper' as const),
    anchorShare: fc.double({ min: 0, max: 0.2, noNaN: true }),
    attentionUnit: fc.constantFrom('layer', 'group'),
  }),
);

const cases = fc
  .record({
    config: configs,
    scores: fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: 1, maxLength: 99 }),
    acrossLayers: fc.boolean(),
    measured: fc.boolean(),
    options: shapes,
  })
  .map(({ config, scores, acrossLayers, measured, options }) => {
    const importance = importanceOf(config, scores, acrossLayers, measured);
    return { config, importance, options, plan: unwrap(planByPolicy(config, importance, options)) };
  });

/** Units of a layer that a level keeps; throws where they are not a prefix of the layer's units. */
function keptUnits(plan: LevelPlan, prefix: number, layer: number, kind: Segment['kind']): number {
  const kept = plan.ranking
    .slice(0, prefix)
    .map((index) => plan.segments[index] as Segment)
    .filter((segment) => segment.layer === layer && segment.kind === kind)
    .sort((a, b) => a.unitStart - b.unitStart);
  let units = 0;
  for (const segment of kept) {
    if (segment.unitStart !== units) throw new Error(`hole in layer ${layer} at unit ${units}`);
    units += segment.units;
  }
  return units;
}

describe.each(LEVEL_POLICIES)('levels by policy %s', (policy) => {
  const mine = cases.filter(({ options }) => options.policy === policy);

  it('have the decoder parameters that they are named after, within half a per cent', () => {
    fc.assert(
      fc.property(mine, ({ plan }) => {
        expect(plan.levels.map(({ level }) => level)).toEqual([...LEVELS]);
        for (const { level, decoderRatio } of plan.levels)
          expect(Math.abs(decoderRatio - level / 100)).toBeLessThanOrEqual(LEVEL_TOLERANCE + 1e-12);
      }),
      { numRuns: 60 },
    );
  });

  it('are nested prefixes of every layer, the last one whole', () => {
    fc.assert(
      fc.property(mine, ({ config, plan }) => {
        for (let layer = 0; layer < config.layers; layer++)
          for (const kind of ['mlp', 'attention'] as const) {
            const kept = plan.levels.map(({ prefix }) => keptUnits(plan, prefix, layer, kind));
            expect(kept).toEqual([...kept].sort((a, b) => a - b));
            expect(kept.at(-1)).toBe(kind === 'mlp' ? config.ffnSize : config.kvHeads);
          }
      }),
      { numRuns: 40 },
    );
  });
});

describe('the shape of the paper', () => {
  it('keeps anchors whole and the same share of all other layers', () => {
    const paper = cases.filter(({ options }) => options.policy === 'paper');
    fc.assert(
      fc.property(paper, ({ config, importance, options, plan }) => {
        const anchorShare = options.policy === 'paper' ? (options.anchorShare ?? 0) : 0;
        const anchors = anchorLayers(importance, anchorShare);
        for (const { prefix } of plan.levels) {
          const widths = Array.from({ length: config.layers }, (_, layer) =>
            keptUnits(plan, prefix, layer, 'mlp'),
          );
          const others = widths.filter((_, layer) => !anchors.includes(layer));
          expect(Math.max(...others) - Math.min(...others)).toBeLessThanOrEqual(64);
          // Attention that would overflow the smallest level waits for the next, so look at the MLP.
          for (const layer of anchors) expect(widths[layer]).toBeGreaterThan(config.ffnSize - 64);
        }
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    [50, 32, 6, 0.3846],
    [20, 30, 6, 0],
    [100, 30, 30, 1],
  ] as const)('level %i of %i layers with %i anchors keeps %f elsewhere', (level, layers, anchors, keep) => {
    expect(unwrap(keepRatio(level, layers, anchors))).toBeCloseTo(keep, 4);
  });

  it('refuses a level that is smaller than the anchors, by name', () => {
    const config = { ...TINY_CONFIG, layers: 10 };
    const options = { policy: 'paper', anchorShare: 0.3 } as const;
    expect(planByPolicy(config, evenImportance(config), options)).toMatchObject({
      ok: false,
      failure: {
        code: 'level-below-anchors',
        message: expect.stringContaining('Level 20') as unknown as string,
      },
    });
    expect(planByPolicy(config, evenImportance(config), options, [30, 60, 100]).ok).toBe(true);
  });

  it('keeps heads and neurons alike where groups can be cut', () => {
    const config = { ...TINY_CONFIG, layers: 20, kvHeads: 4 };
    const options = { policy: 'paper', attentionUnit: 'group' } as const;
    const plan = unwrap(planByPolicy(config, evenImportance(config), options));
    const half = plan.levels.find(({ level }) => level === 60)?.prefix ?? 0;
    const kept = (kind: Segment['kind']): number[] =>
      Array.from({ length: 16 }, (_, i) => keptUnits(plan, half, i + 4, kind));
    expect(new Set(kept('attention'))).toEqual(new Set([2]));
    for (const neurons of kept('mlp')) expect(Math.abs(neurons / config.ffnSize - 0.5)).toBeLessThan(0.05);
  });
});

describe('proportional widths', () => {
  it('keep the ratio asked for, in proportion where no layer is whole', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.1, max: 5, noNaN: true }), { minLength: 1, maxLength: 40 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (shares, ratio) => {
          const widths = proportionalWidths(shares, ratio);
          expect(widths.reduce((sum, width) => sum + width, 0) / shares.length).toBeCloseTo(ratio, 6);
          const cut = widths.flatMap((width, i) => (width < 1 ? [width / (shares[i] as number)] : []));
          for (const scale of cut) expect(scale).toBeCloseTo(cut[0] as number, 6);
        },
      ),
    );
  });

  it('give an important layer more neurons, and drop the least important attention along a curve', () => {
    const config = { ...TINY_CONFIG, layers: 20 };
    const even = evenImportance(config);
    const layers = even.layers.map((layer, i) => ({
      ...layer,
      neurons: layer.neurons.fill(i === 7 ? 2 : 1),
      attention: i,
    }));
    const importance = { ...even, acrossLayers: true, layers };
    const plan = unwrap(planByPolicy(config, importance, { policy: 'proportional' }));
    const at = (level: number): number => plan.levels.find((entry) => entry.level === level)?.prefix ?? 0;
    expect(keptUnits(plan, at(50), 7, 'mlp')).toBeGreaterThan(keptUnits(plan, at(50), 8, 'mlp'));
    const attention = (level: number): number[] =>
      Array.from({ length: 20 }, (_, layer) => keptUnits(plan, at(level), layer, 'attention'));
    expect(attention(80).every((units) => units === config.kvHeads)).toBe(true);
    const low = attention(40);
    expect(low.filter((units) => units === 0)).toHaveLength(8);
    expect(low.slice(8).every((units) => units > 0)).toBe(true);
  });

  it('give up first what costs least where the losses of cuts were measured, attention in their order', () => {
    const config = { ...TINY_CONFIG, layers: 20, ffnSize: 384 };
    const even = evenImportance(config);
    // Layer 3 hardly misses its outer two thirds, layer 5 its last third alone; gradients say the opposite.
    const mlpLosses = (layer: number): readonly [number, number] =>
      layer === 3 ? [0.02, 0.01] : layer === 5 ? [0.9, 0.01] : [0.9, 0.4];
    const layers = even.layers.map((layer, i) => ({
      ...layer,
      neurons: layer.neurons.fill(i === 3 || i === 5 ? 9 : 1),
      mlp: 5,
      attention: i,
      influence: 20 - i,
      cuts: {
        attention: 20 - i,
        mlp: mlpLosses(i).map((loss, third) => ({ neurons: 128 * (third + 1), loss })),
      },
    }));
    const importance = { ...even, acrossLayers: true, layers };
    const plan = unwrap(planByPolicy(config, importance, { policy: 'proportional' }));
    const kept = (level: number, layer: number, kind: Segment['kind']): number =>
      keptUnits(plan, plan.levels.find((entry) => entry.level === level)?.prefix ?? 0, layer, kind);
    expect([3, 5, 7].map((layer) => kept(90, layer, 'mlp'))).toEqual([128, 256, 384]);
    const without = [...layers.keys()].filter((layer) => kept(60, layer, 'attention') === 0);
    expect(without).toEqual([17, 18, 19]);
  });

  it('make the smallest levels of the layers that turn the stream most, attention and MLP together', () => {
    const config = { ...TINY_CONFIG, layers: 20 };
    const even = evenImportance(config);
    // Whatever is lost without a layer, its influence decides; each layer's neurons matter alike.
    const layers = even.layers.map((layer, i) => ({ ...layer, layer: i, influence: (i * 7) % 20 }));
    const importance = { ...even, acrossLayers: true, layers };
    const plan = unwrap(planByPolicy(config, importance, { policy: 'proportional' }));
    const prefix = plan.levels.find(({ level }) => level === 20)?.prefix ?? 0;
    const kept = (kind: Segment['kind']): number[] =>
      [...layers.keys()].filter((layer) => keptUnits(plan, prefix, layer, kind) > 0);
    const most = [...layers.keys()].sort((a, b) => ((b * 7) % 20) - ((a * 7) % 20));
    expect(kept('attention').length).toBeGreaterThan(5);
    expect(kept('attention').length).toBeLessThan(15);
    expect(kept('mlp')).toEqual(kept('attention'));
    expect(new Set(kept('mlp'))).toEqual(new Set(most.slice(0, kept('mlp').length)));
  });
});

describe('levels of whole layers', () => {
  it('drop the least influential layers and cut none', () => {
    const config = { ...TINY_CONFIG, layers: 10 };
    const plan = planByLayers(config, [9, 1, 5, 6, 7, 8, 2, 3, 4, 10]);
    const prefix = plan.levels.find(({ level }) => level === 80)?.prefix ?? 0;
    const whole = Array.from({ length: 10 }, (_, layer) => keptUnits(plan, prefix, layer, 'mlp'));
    expect(whole).toEqual([1, 0, 1, 1, 1, 1, 0, 1, 1, 1].map((on) => on * config.ffnSize));
    expect(plan.segments.every(({ unitStart }) => unitStart === 0)).toBe(true);
  });
});

describe('cells larger than the tolerance', () => {
  it('are cut at a level rather than missing it', () => {
    const config = { ...TINY_CONFIG, layers: 4 };
    const cells = planByLayers(config, [4, 3, 2, 1]).segments;
    const plan = planLevels(config, cells, [30, 60, 100]);
    for (const { level, decoderRatio } of plan.levels)
      expect(Math.abs(decoderRatio - level / 100)).toBeLessThanOrEqual(LEVEL_TOLERANCE);
    expect(plan.segments.reduce((sum, { params }) => sum + params, 0)).toBe(decoderParams(config));
  });
});
