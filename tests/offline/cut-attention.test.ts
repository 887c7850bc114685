import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { attentionGroups, attentionSegments } from '../../core/elastic-graph.ts';
import { unwrap } from '../../core/result.ts';
import { openEngine } from '../../device-agent/index.ts';
import { elasticize } from '../../offline/elasticize.ts';
import { DEFAULT_CRITERION } from '../../offline/importance/criteria.ts';
import { evenImportance } from '../../offline/importance/unit-importance.ts';
import {
  attentionCells,
  CELLS_PER_ATTENTION,
  rankAttention,
  type AttentionUnit,
} from '../../offline/levels/attention-cells.ts';
import { mlpCells, planLevels } from '../../offline/levels/level-plan.ts';
import { LEVEL_POLICIES, planByPolicy } from '../../offline/levels/plan-by-policy.ts';
import { readRecipe } from '../../offline/recipe/read-recipe.ts';
import { verifyRecipe } from '../../offline/recipe/verify-recipe.ts';
import { TINY_CONFIG } from '../../offline/sources/tiny-model.ts';
import { GraphLab, largestDifference, randomImportance, someTokens } from './support/graph-lab.ts';
import { referenceLogits } from './support/reference-llama.ts';
import { temporaryFolder } from './support/test-files.ts';
import { CUT_FAMILY_NAMES, tinyFamily } from './support/tiny-architectures.ts';

/** f32 sums in another order, through 4 layers; logits are about 3 in size. */
const F32_TOLERANCE = 3e-4;

describe('the cells of a layer with', () => {
  it.each<[number, AttentionUnit, number[]]>([
    [32, 'auto', [8, 8, 8, 8]],
    [32, 'layer', [32]],
    [8, 'auto', [2, 2, 2, 2]],
    [7, 'auto', [7]],
    [7, 'group', [2, 2, 1, 2]],
    [3, 'auto', [3]],
    [3, 'group', [1, 1, 1]],
    [1, 'group', [1]],
  ])('%i KV groups cut by %s are %j', (kvHeads, unit, expected) => {
    const cells = attentionCells({ ...TINY_CONFIG, heads: kvHeads, kvHeads }, 0, unit);
    expect(cells.map(({ units }) => units)).toEqual(expected);
  });
});

describe('the ranking of attention cells', () => {
  const config = { ...TINY_CONFIG, layers: 2, heads: 8, kvHeads: 8 };
  const even = evenImportance(config);
  const [low, high] = [
    Float32Array.from([8, 7, 3, 3, 2, 2, 0, 0]),
    Float32Array.from([9, 9, 6, 6, 5, 5, 1, 1]),
  ];
  const layers = even.layers.map((layer, i) => ({
    ...layer,
    attention: 2 - i,
    kvGroups: i === 0 ? low : high,
  }));
  const places = (acrossLayers: boolean): [number, number][] =>
    rankAttention(config, { ...even, acrossLayers, layers }, 'auto').map((cell) => [
      cell.layer,
      cell.unitStart,
    ]);

  it('has each first cell first, then goes by scores where they compare over layers', () => {
    expect(places(true)).toEqual([
      [0, 0],
      [1, 0],
      [1, 2],
      [1, 4],
      [0, 2],
      [0, 4],
      [1, 6],
      [0, 6],
    ]);
  });
  it('and else cell by cell in the order of the layers', () => {
    expect(places(false)).toEqual([
      [0, 0],
      [1, 0],
      [0, 2],
      [1, 2],
      [0, 4],
      [1, 4],
      [0, 6],
      [1, 6],
    ]);
  });
});

describe.each(LEVEL_POLICIES)('levels by the policy %s', (policy) => {
  const config = { ...TINY_CONFIG, layers: 10, heads: 8, kvHeads: 8 };
  const levels = [40, 60, 80, 100] as const;

  it('cut the attention of a model with many groups into few segments, and no other', () => {
    const importance = evenImportance(config);
    const cut = unwrap(planByPolicy(config, importance, { policy }, levels));
    const perLayer = Array.from({ length: config.layers }, (_, layer) =>
      cut.segments.filter((segment) => segment.layer === layer && segment.kind === 'attention'),
    );
    expect(perLayer.some((segments) => segments.length > 1)).toBe(true);
    for (const segments of perLayer) {
      expect(segments.length).toBeLessThanOrEqual(CELLS_PER_ATTENTION);
      expect(segments.reduce((sum, { units }) => sum + units, 0)).toBe(8);
    }
    const whole = unwrap(planByPolicy(config, importance, { policy, attentionUnit: 'layer' }, levels));
    expect(attentionGroups(whole.segments)).toEqual(Array.from({ length: 10 }, () => 8));
  });
});

describe.each(CUT_FAMILY_NAMES)('the attention of a %s, cut by groups,', (family) => {
  const model = tinyFamily(family);
  const { config } = model;
  const lab = new GraphLab(model, undefined, null, (importance) =>
    unwrap(planByPolicy(config, importance, { policy: 'proportional', attentionUnit: 'group' })),
  );
  const tokens = someTokens(8, config.vocabSize);
  afterAll(() => lab.close());

  it('computes at every level what the model without the other groups computes, in both gatings alike', async () => {
    const places = attentionSegments(lab.plan.segments);
    expect(places.length).toBeGreaterThan(config.layers);
    const partly = new Set<number>();
    for (const { level, prefix } of lab.plan.levels) {
      const on = lab.on(prefix);
      const { logits, kvDelta } = await lab.run('f32', 'zero-row', tokens, on);
      const expected = referenceLogits(lab.reference, tokens, lab.plan.segments, on).flat();
      const difference = largestDifference(logits.data as Float32Array, expected);
      expect(difference, `level ${level}`).toBeLessThan(F32_TOLERANCE);
      const conditional = await lab.run('f32', 'conditional', tokens, on);
      expect(largestDifference(logits.data as Float32Array, conditional.logits.data as Float32Array)).toBe(0);
      expect(conditional.kvDelta.data).toEqual(kvDelta.data);
      const groups = places.reduce((sum, i) => sum + (on[i] ? (lab.plan.segments[i]?.units ?? 0) : 0), 0);
      expect(kvDelta.dims).toEqual([2, groups, tokens.length, config.headDim]);
      partly.add(groups);
    }
    expect(partly.size).toBeGreaterThan(2);
  });
});

describe('a level without any attention', () => {
  const model = tinyFamily('Llama with eight KV heads');
  const { config } = model;
  const layers = [...Array(config.layers).keys()];
  const lab = new GraphLab(model, undefined, null, () =>
    planLevels(
      config,
      [
        ...layers.flatMap((layer) => mlpCells(config, layer, [0, config.ffnSize])),
        // The last layer's attention is one segment, between cut ones' and the output.
        ...layers.flatMap((layer) => attentionCells(config, layer, layer === 3 ? 'layer' : 'group')),
      ],
      [60, 80, 100],
      Infinity,
    ),
  );
  afterAll(() => lab.close());

  it('hands out no KV rows, and cut and whole layers go together', async () => {
    const tokens = someTokens(5, config.vocabSize);
    const sizes = [];
    for (const { prefix } of lab.plan.levels) {
      const on = lab.on(prefix);
      const { logits, kvDelta } = await lab.run('f32', 'zero-row', tokens, on);
      const expected = referenceLogits(lab.reference, tokens, lab.plan.segments, on).flat();
      expect(largestDifference(logits.data as Float32Array, expected)).toBeLessThan(F32_TOLERANCE);
      sizes.push(kvDelta.dims[1]);
    }
    expect(sizes[0]).toBe(0);
    expect(sizes.at(-1)).toBe(config.layers * config.kvHeads);
  });
});

describe('a model with many KV heads, elasticized from gradients to recipe', () => {
  it('is run by the engine at every level, and its recipe rebuilds the same bytes', async () => {
    const model = tinyFamily('Llama with eight KV heads', 31, { layers: 2, ffnSize: 64, contextLength: 64 });
    const folder = temporaryFolder();
    const out = join(folder, 'bundle');
    const manifest = unwrap(
      await elasticize({
        model,
        out,
        variant: 'int8',
        criterion: DEFAULT_CRITERION,
        levels: { policy: 'proportional' },
        recovery: 'distill',
        adapter: { sites: ['o', 'mlp'], rank: 2, bias: true, norms: false },
        steps: 1,
        dataFolder: null,
        recipeOut: join(folder, 'recipe'),
      }),
    );
    expect(attentionSegments(manifest.segments).length).toBeGreaterThan(2);
    expect(manifest.levels.every(({ quality }) => (quality?.perplexity ?? 0) > 1)).toBe(true);
    const { engine } = unwrap(await openEngine({ bundleDir: out, threads: 1 }));
    for (const level of engine.levels) {
      unwrap(engine.setLevel(level));
      const sequence = engine.open(3, 2);
      const prompt = await engine.prefill(sequence, [5, 9, 40]);
      const step = await engine.step(sequence, 7);
      expect([...(prompt ?? [Number.NaN]), ...step].every(Number.isFinite), `level ${level}`).toBe(true);
      engine.close(sequence);
    }
    const levels = engine.levels;
    unwrap(engine.setLevel(levels.at(-1) ?? 100));
    expect(engine.lowerLevel(levels[0] ?? 20)).toMatchObject({
      ok: false,
      failure: { code: 'level-not-lowerable' },
    });
    await engine.dispose();

    const recipe = unwrap(await readRecipe(join(folder, 'recipe')));
    const verdict = unwrap(await verifyRecipe(recipe, model, folder, null, () => undefined));
    expect(verdict.equal).toBe(true);
    expect(readFileSync(join(out, 'manifest.json'), 'utf8')).toContain(
      verdict.variants[0]?.rebuiltBundleId ?? '-',
    );
  }, 120_000);
});

// Scores of the labs' models are drawn at random: the order of groups is not the model's own.
it('has groups in another order than the model', () => {
  const scores = randomImportance(tinyFamily('Llama with eight KV heads'), 5).layers[0]?.kvGroups ?? [];
  expect([...scores].every((score, i) => i === 0 || score <= (scores[i - 1] ?? 0))).toBe(false);
});
