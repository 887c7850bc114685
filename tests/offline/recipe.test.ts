import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, afterAll, describe, expect, it } from 'vitest';
import { mkdtempSync, cpSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { BundleManifest, Variant } from '../../core/bundle-manifest.ts';
import { RECIPE_FILE } from '../../core/recipe.ts';
import { unwrap } from '../../core/result.ts';
import { elasticize } from '../../offline/elasticize.ts';
import { readRecipe } from '../../offline/recipe/read-recipe.ts';
import { verifyRecipe } from '../../offline/recipe/verify-recipe.ts';
import { tinySourceModel } from '../../offline/sources/tiny-model.ts';
import { fakeRecovery } from './support/fake-recovery.ts';
import { temporaryFolder } from './support/test-files.ts';

const VARIANTS: readonly Variant[] = ['int8', 'q4', 'f32'];
const model = tinySourceModel({ seed: 6 });
let made: string;
let manifest: BundleManifest;

beforeAll(async () => {
  made = mkdtempSync(join(tmpdir(), 'bungee-recipe-'));
  manifest = unwrap(
    await elasticize({
      model,
      out: join(made, 'bundle'),
      recipeOut: join(made, 'recipe'),
      variant: 'int8',
      alsoRecord: VARIANTS,
      recovery: 'distill',
      adapter: { sites: ['o', 'mlp'], rank: 2, bias: true, norms: false },
      stages: { recover: fakeRecovery().stage },
      card: () => Promise.resolve('{"about":"not measured by this test"}\n'),
      command: 'elasticize --variant int8',
      toolVersion: '1.2.3',
    }),
  );
});
afterAll(() => rmSync(made, { recursive: true, force: true }));

/** A copy that a test may damage. */
function copy(): string {
  const folder = join(temporaryFolder(), 'recipe');
  cpSync(join(made, 'recipe'), folder, { recursive: true });
  return folder;
}

function editJson(folder: string, edit: (json: string) => string): void {
  const path = join(folder, RECIPE_FILE);
  writeFileSync(path, edit(readFileSync(path, 'utf8')));
}

function flipByte(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

describe('a recipe', () => {
  it('with the base weights gives the same bundle, bit for bit, in every recorded variant', async () => {
    const recipe = unwrap(await readRecipe(join(made, 'recipe')));
    expect(recipe.recipe.bundles.map(({ variant }) => variant)).toEqual(VARIANTS);
    for (const recorded of recipe.recipe.bundles) {
      const out = join(temporaryFolder(), 'bundle');
      const rebuilt = unwrap(await elasticize({ model, out, variant: recorded.variant, recipe }));
      expect(rebuilt.files).toEqual(recorded.files);
      expect(rebuilt.bundleId).toBe(recorded.bundleId);
      if (recorded.variant === 'int8') expect(rebuilt).toEqual(manifest);
    }
  });

  it('in another variant than it records builds without figures of quality', async () => {
    const recipe = unwrap(await readRecipe(join(made, 'recipe')));
    const out = join(temporaryFolder(), 'bundle');
    const built = unwrap(await elasticize({ model, out, variant: 'q8', recipe }));
    expect(built.variant).toBe('q8');
    expect(built.levels.every(({ quality }) => quality === undefined)).toBe(true);
  });

  it('on other weights of the same shape builds, and the manifest says that they were not measured', async () => {
    const recipe = unwrap(await readRecipe(join(made, 'recipe')));
    const other = tinySourceModel({ seed: 7 });
    const out = join(temporaryFolder(), 'bundle');
    const built = unwrap(await elasticize({ model: other, out, variant: 'int8', recipe }));
    expect(built.madeBy.source.sha256).toBe(other.sha256);
    expect(built.madeBy.measuredOn?.sha256).toBe(model.sha256);
    expect(built.levels[0]?.quality?.text).toContain('not on these weights');
    expect(manifest.madeBy.measuredOn).toBeUndefined();
  });

  it('is refused for a model of another shape, which is named, and leaves nothing', async () => {
    const recipe = unwrap(await readRecipe(join(made, 'recipe')));
    const other = tinySourceModel({ seed: 6, config: { ffnSize: 128 } });
    const out = join(temporaryFolder(), 'bundle');
    expect(await elasticize({ model: other, out, variant: 'int8', recipe })).toMatchObject({
      ok: false,
      failure: {
        code: 'recipe-other-model',
        message: expect.stringContaining('ffnSize 256; tiny-random has 128'),
      },
    });
    expect(existsSync(out)).toBe(false);
  });

  it('records another variant, measured, without being learned anew', async () => {
    const recipe = unwrap(await readRecipe(join(made, 'recipe')));
    const folder = temporaryFolder();
    const recipeOut = join(folder, 'recipe');
    const options = {
      model,
      out: join(folder, 'bundle'),
      variant: 'q8',
      alsoRecord: ['int8'],
      recipe,
      recipeOut,
    } as const;
    const again = unwrap(await elasticize({ ...options, command: 'elasticize --recipe' }));
    const read = unwrap(await readRecipe(recipeOut));
    expect(read.learned).toEqual(recipe.learned);
    expect(read.recipe.commands).toEqual(['elasticize --variant int8', 'elasticize --recipe']);
    expect(read.recipe.bundles.map(({ variant }) => variant)).toEqual(['q8', 'int8']);
    expect(read.recipe.bundles[0]?.bundleId).toBe(again.bundleId);
    expect(read.recipe.bundles[1]?.quality).toEqual(recipe.recipe.bundles[0]?.quality);
    expect(again.levels[0]?.quality?.perplexity).toBeGreaterThan(1);
  });

  it.each<[string, (folder: string) => void, RegExp]>([
    ['a missing blob', (folder) => rmSync(join(folder, 'ranges.bin')), /ranges\.bin is missing/],
    [
      'a cut blob',
      (folder) => truncateSync(join(folder, 'orders.bin'), 9),
      /orders\.bin has 9 bytes in place of/,
    ],
    ['a changed blob', (folder) => flipByte(join(folder, 'adapters.bin')), /adapters\.bin differs .*SHA-256/],
    ['a changed card', (folder) => flipByte(join(folder, 'quality-card.json')), /quality-card\.json differs/],
    ['no JSON', (folder) => editJson(folder, (json) => json.slice(0, 100)), /recipe\.json is not JSON/],
    ['no recipe', (folder) => editJson(folder, () => '{}'), /is not a Bungee recipe/],
    [
      'a later version',
      (folder) => editJson(folder, (json) => json.replace('"schemaVersion": 1', '"schemaVersion": 9')),
      /schema version 9; this Bungee reads up to 2/,
    ],
    [
      'segments that do not cover a layer',
      (folder) => editJson(folder, (json) => json.replace('"unitStart": 0', '"unitStart": 1')),
      /segments: do not cover the attention units of layer 0/,
    ],
    [
      'a rank that the adapters do not have',
      (folder) => editJson(folder, (json) => json.replace('"rank": 2', '"rank": 3')),
      /adapters of level \d+ have \d+ bytes in place of/,
    ],
  ])('with %s is refused by name', async (_, damage, message) => {
    const folder = copy();
    damage(folder);
    const read = await readRecipe(folder);
    expect(read.ok ? '' : read.failure.message).toMatch(message);
  });
});

describe('verifying a recipe', () => {
  const verify = async (folder: string, of = model, only: readonly Variant[] | null = ['int8', 'f32']) =>
    verifyRecipe(unwrap(await readRecipe(folder)), of, temporaryFolder(), only, () => undefined);

  it('tells that the rebuilt bundles are the recorded ones', async () => {
    const verdict = unwrap(await verify(join(made, 'recipe')));
    expect(verdict.equal).toBe(true);
    expect(verdict.variants.map(({ variant, different }) => [variant, different])).toEqual([
      ['int8', []],
      ['f32', []],
    ]);
  });

  it('tells which file differs', async () => {
    const folder = copy();
    const recorded = manifest.files.find(({ path }) => path === 'weights.bin')?.sha256 ?? '';
    editJson(folder, (json) =>
      json.replace(recorded, 'ef'.repeat(32)).replace(manifest.bundleId, 'cd'.repeat(32)),
    );
    const verdict = unwrap(await verify(folder));
    expect(verdict.equal).toBe(false);
    expect(verdict.variants.map(({ equal, different }) => [equal, different])).toEqual([
      [false, ['weights.bin']],
      [true, []],
    ]);
  });

  it('is refused on other weights', async () => {
    expect(await verify(join(made, 'recipe'), tinySourceModel({ seed: 8 }))).toMatchObject({
      ok: false,
      failure: { code: 'recipe-other-weights' },
    });
  });
});
