import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Variant } from '../../core/bundle-manifest.ts';
import { unwrap } from '../../core/result.ts';
import { elasticize } from '../../offline/elasticize.ts';
import type { LoadedRecipe } from '../../offline/recipe/loaded-recipe.ts';
import { readRecipe } from '../../offline/recipe/read-recipe.ts';
import { verifyRecipe } from '../../offline/recipe/verify-recipe.ts';
import { withTlm } from '../../offline/recipe/with-tlm.ts';
import { tinySourceModel } from '../../offline/sources/tiny-model.ts';
import { TINY_TLM_CONFIG, tinyTlm } from '../../offline/tlm/tiny-tlm.ts';
import { fakeRecovery } from './support/fake-recovery.ts';
import { temporaryFolder } from './support/test-files.ts';

const VARIANTS: readonly Variant[] = ['int8', 'q4', 'f32'];
const model = tinySourceModel({ seed: 6 });
const data = [{ name: 'requests', sha256: 'a'.repeat(64) }];
let made: string;
let before: LoadedRecipe;
let after: LoadedRecipe;

beforeAll(async () => {
  made = mkdtempSync(join(tmpdir(), 'bungee-tlm-recipe-'));
  const recipeOut = join(made, 'before');
  unwrap(
    await elasticize({
      model,
      out: join(made, 'bundle'),
      recipeOut,
      variant: 'int8',
      alsoRecord: VARIANTS,
      recovery: 'distill',
      adapter: { sites: ['mlp'], rank: 2, bias: true, norms: false },
      stages: { recover: fakeRecovery().stage },
      card: () => Promise.resolve('{"about":"not measured by this test"}\n'),
      command: 'elasticize --variant int8',
    }),
  );
  before = unwrap(await readRecipe(recipeOut));
  const out = join(made, 'after');
  const tlm = tinyTlm(model.config.hiddenSize);
  unwrap(await withTlm(before, { model, tlm, data, command: 'train-tlm --seed 1', out }));
  after = unwrap(await readRecipe(out));
});
afterAll(() => rmSync(made, { recursive: true, force: true }));

test('a TLM comes into a recipe beside everything that it had', () => {
  const tlm = tinyTlm(model.config.hiddenSize);
  expect(after.learned.tlm?.about).toEqual(tlm.about);
  expect(Buffer.from(after.learned.tlm?.bytes ?? [])).toEqual(Buffer.from(tlm.bytes));
  expect({ ...after.learned, tlm: null }).toEqual(before.learned);
  expect(after.qualityCard).toBe(before.qualityCard);
  expect(after.recipe.commands).toEqual(['elasticize --variant int8', 'train-tlm --seed 1']);
  expect(after.recipe.data).toEqual([...before.recipe.data, { ...data[0], use: 'tlm' }]);
});

test('its bundles are recorded anew with the qualities that were measured, and are rebuilt bit for bit', async () => {
  expect(after.recipe.bundles.map(({ variant }) => variant)).toEqual(VARIANTS);
  for (const [i, bundle] of after.recipe.bundles.entries()) {
    const old = before.recipe.bundles[i];
    expect(bundle.quality).toEqual(old?.quality);
    const unchanged = bundle.files.filter(({ path }) => !path.startsWith('tlm.'));
    expect(unchanged).toEqual(old?.files);
    expect(bundle.files.map(({ path }) => path)).toEqual(expect.arrayContaining(['tlm.onnx', 'tlm.bin']));
  }
  const verdict = unwrap(await verifyRecipe(after, model, temporaryFolder(), null, () => undefined));
  expect(verdict).toMatchObject({ equal: true });
});

test('another TLM replaces the first', async () => {
  const out = join(temporaryFolder(), 'recipe');
  const tlm = tinyTlm(model.config.hiddenSize, 2);
  const recipe = unwrap(await withTlm(after, { model, tlm, data, command: 'train-tlm --seed 2', out }));
  expect(recipe.commands).toEqual(['elasticize --variant int8', 'train-tlm --seed 2']);
  expect(recipe.data).toEqual(after.recipe.data);
  expect(recipe.bundles[0]?.bundleId).not.toBe(after.recipe.bundles[0]?.bundleId);
});

test('a recipe made from one with a TLM keeps it', async () => {
  const folder = temporaryFolder();
  const recipeOut = join(folder, 'recipe');
  unwrap(await elasticize({ model, out: join(folder, 'bundle'), variant: 'q8', recipe: after, recipeOut }));
  const again = unwrap(await readRecipe(recipeOut));
  expect(again.recipe.tlm).toEqual(after.recipe.tlm);
  expect(again.recipe.bundles[0]?.files.some(({ path }) => path === 'tlm.onnx')).toBe(true);
});

test('other weights and a killed run leave nothing', async () => {
  const out = join(temporaryFolder(), 'recipe');
  const options = { tlm: tinyTlm(model.config.hiddenSize), data, command: 'train-tlm', out };
  expect(await withTlm(before, { ...options, model: tinySourceModel({ seed: 7 }) })).toMatchObject({
    ok: false,
    failure: { code: 'recipe-other-weights' },
  });
  const aborted = AbortSignal.abort(new Error('stop'));
  await expect(withTlm(before, { ...options, model }, undefined, aborted)).rejects.toThrow('stop');
  expect(existsSync(out)).toBe(false);
});

test('parameters that do not fit the network are refused, with the sizes', async () => {
  const folder = temporaryFolder();
  const out = join(folder, 'recipe');
  const tlm = tinyTlm(model.config.hiddenSize);
  unwrap(await withTlm(before, { model, tlm, data, command: 'train-tlm', out }));
  const path = join(out, 'recipe.json');
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace(`"ffnSize": ${TINY_TLM_CONFIG.ffnSize},`, '"ffnSize": 65,'));
  expect(await readRecipe(out)).toMatchObject({
    ok: false,
    failure: {
      code: 'recipe-corrupt',
      message: expect.stringMatching(/tlm\.bin has \d+ bytes in place of \d+/),
    },
  });
});
