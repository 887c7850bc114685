import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseQualityCard, QUALITY_CARD_FILE } from '../../core/quality-card.ts';
import { unwrap } from '../../core/result.ts';
import { elasticize } from '../../offline/elasticize.ts';
import { cardStage } from '../../offline/pipeline/card-stage.ts';
import { readRecipe } from '../../offline/recipe/read-recipe.ts';
import { tinySourceModel } from '../../offline/sources/tiny-model.ts';
import { fakeRecovery } from './support/fake-recovery.ts';
import { temporaryFolder } from './support/test-files.ts';

it('measures f32 and the asked variant; the card goes into the bundle and its recipe', async () => {
  const folder = temporaryFolder();
  const model = tinySourceModel({ seed: 2 });
  const out = join(folder, 'bundle');
  const recipeOut = join(folder, 'recipe');
  const manifest = unwrap(
    await elasticize({
      model,
      out,
      recipeOut,
      variant: 'int8',
      recovery: 'mixed',
      adapter: { sites: ['mlp'], rank: 2, bias: true, norms: false },
      steps: 3,
      seed: 8,
      stages: { recover: fakeRecovery().stage },
      card: cardStage(model, null, { windowTokens: 64, windows: 1, items: 2 }),
    }),
  );
  const text = readFileSync(join(out, QUALITY_CARD_FILE), 'utf8');
  const card = unwrap(parseQualityCard(text, QUALITY_CARD_FILE));
  expect(card.measuredOn.map(({ variant }) => variant)).toEqual(['f32', 'int8']);
  expect(card.measuredOn[1]?.weightsSha256).toBe(
    manifest.files.find(({ path }) => path === 'weights.bin')?.sha256,
  );
  expect(card.model.sha256).toBe(model.sha256);
  const [smallest, full] = [card.levels[0], card.levels.at(-1)];
  expect(smallest?.recovery).toMatchObject({ steps: 3, tokens: 24, seeds: [8] });
  expect(full?.recovery).toBeNull();
  for (const name of card.texts.filter(({ kind }) => kind === 'text').map(({ name }) => name))
    expect(full?.figures.f32?.kl[name]).toBeCloseTo(0, 4);
  expect(unwrap(await readRecipe(recipeOut)).qualityCard).toBe(text);
});

it('tells what the untouched model is worth beside a full level that recovery has changed', async () => {
  const folder = temporaryFolder();
  const model = tinySourceModel({ seed: 2 });
  const out = join(folder, 'bundle');
  unwrap(
    await elasticize({
      model,
      out,
      variant: 'int8',
      recovery: 'mixed',
      sharedRank: 2,
      steps: 2,
      seed: 8,
      card: cardStage(model, null, { windowTokens: 64, windows: 1, items: 2 }),
    }),
  );
  const card = unwrap(
    parseQualityCard(readFileSync(join(out, QUALITY_CARD_FILE), 'utf8'), QUALITY_CARD_FILE),
  );
  const full = card.levels.at(-1);
  expect(full?.recovery?.method).toContain('of its own: output bias, norms');
  for (const { name, kind } of card.texts) {
    if (kind === 'text') {
      expect(card.untouched?.f32?.kl[name]).toBeCloseTo(0, 4);
      expect(full?.figures.f32?.kl[name]).toBeGreaterThan(1e-6);
      expect(full?.figures.f32?.perplexity[name]).not.toBe(card.untouched?.f32?.perplexity[name]);
    } else expect(card.untouched?.int8?.accuracy[name]?.n).toBe(2);
  }
  expect(readdirSync(folder)).toEqual(['bundle']);
});
