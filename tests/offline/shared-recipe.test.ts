import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BundleManifest } from '../../core/bundle-manifest.ts';
import { RECIPE_FILE } from '../../core/recipe.ts';
import { unwrap } from '../../core/result.ts';
import { elasticize, type ElasticizeOptions } from '../../offline/elasticize.ts';
import { openLevels, readBundleManifest } from '../../offline/evaluation/bundle-levels.ts';
import { readRecipe } from '../../offline/recipe/read-recipe.ts';
import { tinySourceModel } from '../../offline/sources/tiny-model.ts';
import { temporaryFolder } from './support/test-files.ts';

const model = tinySourceModel({ seed: 12, config: { contextLength: 64 } });
const TOKENS = Array.from({ length: 24 }, (_, i) => 3 + ((i * 37) % 200));
let made: string;
let manifest: BundleManifest;
let recoveryEvents = 0;

function options(folder: string): ElasticizeOptions {
  return {
    model,
    out: join(folder, 'bundle'),
    recipeOut: join(folder, 'recipe'),
    variant: 'int8',
    alsoRecord: ['f32'],
    recovery: 'distill',
    sharedRank: 2,
    steps: 2,
    seed: 4,
  };
}

beforeAll(async () => {
  made = mkdtempSync(join(tmpdir(), 'bungee-shared-recipe-'));
  manifest = unwrap(
    await elasticize(options(made), ({ stage }) => {
      if (stage === 'recovery') recoveryEvents++;
    }),
  );
});
afterAll(() => rmSync(made, { recursive: true, force: true }));

async function logitsAt(level: number, folder: string): Promise<Float32Array> {
  const open = unwrap(await openLevels(folder, unwrap(readBundleManifest(folder))));
  try {
    return (
      (await open.levels.find((own) => own.level === level)?.source.logits(TOKENS)) ?? new Float32Array(0)
    );
  } finally {
    await open.close();
  }
}

/** A copy whose blob has another last byte or another length, under a hash that fits. */
function damaged(file: string, change: (bytes: Uint8Array) => Uint8Array): string {
  const folder = join(temporaryFolder(), 'recipe');
  cpSync(join(made, 'recipe'), folder, { recursive: true });
  const before = readFileSync(join(folder, file));
  const after = change(before);
  writeFileSync(join(folder, file), after);
  const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  const path = join(folder, RECIPE_FILE);
  const text = readFileSync(path, 'utf8')
    .replace(hash(before), hash(after))
    .replace(`"sizeBytes": ${before.length}`, `"sizeBytes": ${after.length}`);
  writeFileSync(path, text);
  return folder;
}

describe('a recipe with a change of the weights that all levels share', () => {
  it('with the base weights gives the same bundles, bit for bit', async () => {
    const recipe = unwrap(await readRecipe(join(made, 'recipe')));
    expect(recipe.recipe.schemaVersion).toBe(2);
    expect(recipe.recipe.recovery?.levels.map(({ level }) => level)).toEqual([
      20, 30, 40, 50, 60, 70, 80, 90, 100,
    ]);
    for (const { variant, files, bundleId } of recipe.recipe.bundles) {
      const rebuilt = unwrap(
        await elasticize({ model, out: join(temporaryFolder(), 'bundle'), variant, recipe }),
      );
      expect(rebuilt.files).toEqual(files);
      expect(rebuilt.bundleId).toBe(bundleId);
    }
    expect(recipe.recipe.bundles[0]?.bundleId).toBe(manifest.bundleId);
  });

  it('changes the full level too, if only a little', async () => {
    const recipe = unwrap(await readRecipe(join(made, 'recipe')));
    const { learned } = recipe;
    const untouched = { ...learned, recovery: null };
    const folder = temporaryFolder();
    const [changed, plain] = [join(folder, 'changed'), join(folder, 'plain')];
    unwrap(await elasticize({ model, out: changed, variant: 'f32', recipe }));
    unwrap(
      await elasticize({ model, out: plain, variant: 'f32', recipe: { ...recipe, learned: untouched } }),
    );
    const untouchedFull = await logitsAt(100, plain);
    const distance = (logits: Float32Array): number =>
      logits.reduce((sum, value, i) => sum + (value - (untouchedFull[i] as number)) ** 2, 0);
    const drift = distance(await logitsAt(100, changed));
    expect(drift).toBeGreaterThan(0);
    expect(drift).toBeLessThan(0.5 * distance(await logitsAt(80, plain)));
  });

  it('after a kill in the middle of recovery is the recipe of an uninterrupted run', async () => {
    const folder = temporaryFolder();
    const resumable = { ...options(folder), work: { folder: join(folder, 'work'), keep: false } };
    // Once in the compensation, once in the joint training, a step a report.
    for (const last of [Math.floor(recoveryEvents / 3), recoveryEvents - 5]) {
      const abort = new AbortController();
      let events = 0;
      const result = await elasticize(
        resumable,
        ({ stage }) => {
          if (stage === 'recovery' && ++events === last) abort.abort();
        },
        abort.signal,
      );
      expect(result).toMatchObject({ ok: false, failure: { code: 'cancelled' } });
    }
    unwrap(await elasticize(resumable));
    expect(unwrap(await readRecipe(join(folder, 'recipe'))).sha256).toBe(
      unwrap(await readRecipe(join(made, 'recipe'))).sha256,
    );
  });

  it.each(['shared-down.bin', 'shared-low-rank.bin'])(
    'whose %s is too short is refused by name',
    async (file) => {
      const read = await readRecipe(damaged(file, (bytes) => bytes.subarray(0, bytes.length - 2)));
      expect(read).toMatchObject({ ok: false, failure: { code: 'recipe-corrupt' } });
      expect(read.ok ? '' : read.failure.message).toMatch(
        new RegExp(`${file.replace('.', '\\.')} has \\d+ bytes in place of \\d+`),
      );
    },
  );
});
