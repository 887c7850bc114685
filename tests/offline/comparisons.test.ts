import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Comparison } from '../../core/quality-card.ts';
import { unwrap } from '../../core/result.ts';
import { elasticize } from '../../offline/elasticize.ts';
import { readBundleManifest } from '../../offline/evaluation/bundle-levels.ts';
import { openModelText } from '../../offline/evaluation/model-text.ts';
import { heldOutSet } from '../../offline/pipeline/card-stage.ts';
import { measureComparisons } from '../../offline/pipeline/comparisons.ts';
import { readRecipe } from '../../offline/recipe/read-recipe.ts';
import { tinySourceModel } from '../../offline/sources/tiny-model.ts';
import { temporaryFolder } from './support/test-files.ts';

const FROZEN = { adapter: { sites: ['mlp'], rank: 2, bias: true, norms: false }, sharedRank: null } as const;
const SHARED = { adapter: { sites: [], rank: 0, bias: true, norms: true }, sharedRank: 2 } as const;

it.each([
  ['frozen weights', FROZEN],
  ['shared weights', SHARED],
])(
  'trains and measures the control, dropped layers and magnitude beside levels on %s',
  async (_, how) => {
    const folder = temporaryFolder();
    const at = (name: string): string => join(folder, name);
    // Ten layers: few enough for a test, enough for whole layers to come near a level.
    const model = tinySourceModel({ seed: 3, config: { layers: 10, hiddenSize: 32, ffnSize: 64 } });
    unwrap(
      await elasticize({
        model,
        out: at('bundle'),
        recipeOut: at('recipe'),
        variant: 'f32',
        alsoRecord: [],
        recovery: 'mixed',
        steps: 2,
        ...how,
        seed: 4,
      }),
    );
    const { learned } = unwrap(await readRecipe(at('recipe')));
    const manifest = unwrap(readBundleManifest(at('bundle')));
    const set = heldOutSet(model, unwrap(openModelText(at('bundle'), manifest)), null, {
      windowTokens: 48,
      windows: 1,
      items: 2,
    });
    const stages = new Set<string>();
    const compare = async (): Promise<Comparison[]> =>
      unwrap(
        await measureComparisons(
          {
            model,
            learned,
            bundle: { folder: at('bundle'), manifest },
            set,
            method: 'mixed',
            at: [80, 60],
            dataFolder: null,
            device: 'cpu',
            workFolder: at('work'),
          },
          (stage) => stages.add(stage),
        ),
      );
    const comparisons = await compare();
    const kinds = comparisons.map(({ kind, level }) => `${kind} ${level}`);
    expect(kinds).toEqual([
      'full 100',
      'layer-dropping 80',
      'layer-dropping 60',
      'magnitude 80',
      'magnitude 60',
    ]);
    const steps = (level: number): number =>
      learned.recovery?.about.levels.find((e) => e.level === level)?.steps ?? 0;
    const [control, drop80, drop60, magnitude80] = comparisons;
    expect(control?.recovery?.steps).toBe(steps(80));
    expect(drop80?.recovery?.steps).toBe(steps(80));
    expect(drop60?.recovery?.steps).toBe(steps(60));
    expect(drop60?.decoderRatio).toBeCloseTo(0.6, 1);
    expect(magnitude80?.recovery).toBeNull();
    for (const { figures } of comparisons)
      for (const [text, perplexity] of Object.entries(figures.perplexity)) {
        expect(perplexity).toBeGreaterThan(1);
        expect(figures.kl[text]).toBeGreaterThanOrEqual(0);
      }
    expect(stages).toContain('training with dropped layers');
    // Over what an earlier run has left in the work folder.
    expect(await compare()).toEqual(comparisons);
  },
  120_000,
);
