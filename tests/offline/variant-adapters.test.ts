import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unwrap } from '../../core/result.ts';
import { elasticize } from '../../offline/elasticize.ts';
import { openLevels, readBundleManifest } from '../../offline/evaluation/bundle-levels.ts';
import { readRecipe } from '../../offline/recipe/read-recipe.ts';
import { tinySourceModel } from '../../offline/sources/tiny-model.ts';
import { fakeRecovery } from './support/fake-recovery.ts';

const TOKENS = Array.from({ length: 24 }, (_, i) => 3 + ((i * 37) % 200));
/** Wide ranges of activations, so that smoothing has something to move. */
const base = tinySourceModel({ seed: 9 });
const model = {
  ...base,
  tensor: (name: string) => {
    const values = base.tensor(name);
    return name.endsWith('layernorm.weight')
      ? values.map((value, i) => value * (i % 7 === 0 ? 12 : 0.5))
      : values;
  },
};
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bungee-adapters-'));
  const options = {
    model,
    recipeOut: join(folder, 'recipe'),
    out: join(folder, 'int8'),
    variant: 'int8',
  } as const;
  const adapter = { sites: ['o', 'mlp'], rank: 4, bias: true, norms: true } as const;
  unwrap(
    await elasticize({
      ...options,
      recovery: 'distill',
      adapter,
      stages: { recover: fakeRecovery(0.1).stage },
    }),
  );
  const recipe = unwrap(await readRecipe(join(folder, 'recipe')));
  for (const variant of ['f32', 'q8'] as const)
    unwrap(await elasticize({ model, out: join(folder, variant), variant, recipe }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function logits(variant: string, level: number): Promise<Float32Array> {
  const at = join(folder, variant);
  const open = unwrap(await openLevels(at, unwrap(readBundleManifest(at))));
  try {
    const found = open.levels.find((candidate) => candidate.level === level);
    return (await found?.source.logits(TOKENS)) ?? new Float32Array(0);
  } finally {
    await open.close();
  }
}

/** Size of a - b relative to a's. */
function relativeError(a: Float32Array, b: Float32Array): number {
  const norm = (values: Float32Array): number =>
    Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return norm(a.map((value, i) => value - (b[i] as number))) / norm(a);
}

describe('the adapters of a variant', () => {
  it("of q8 are the recipe's, bit for bit", async () => {
    const recipe = unwrap(await readRecipe(join(folder, 'recipe')));
    const manifest = unwrap(readBundleManifest(join(folder, 'q8')));
    const recorded = recipe.recipe.adapters?.sha256;
    expect(manifest.files.find(({ path }) => path === 'adapters.bin')?.sha256).toBe(recorded);
  });

  it("of int8 do to smoothed values what the recipe's do to plain ones", async () => {
    const exact = await logits('f32', 50);
    const smoothed = relativeError(exact, await logits('int8', 50));
    const { learned } = unwrap(await readRecipe(join(folder, 'recipe')));
    writeFileSync(join(folder, 'int8', 'adapters.bin'), learned.recovery?.bytes ?? new Uint8Array(0));
    const plain = relativeError(exact, await logits('int8', 50));
    expect(smoothed).toBeLessThan(0.1);
    expect(plain).toBeGreaterThan(4 * smoothed);
  });
});
