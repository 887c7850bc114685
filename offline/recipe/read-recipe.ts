import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { adapterLayout } from '../../core/recovery-adapter.ts';
import { decodeOrders, decodeRanges } from '../../core/recipe-blobs.ts';
import { parseRecipe, RECIPE_FILE, type Recipe, type RecipeBlob } from '../../core/recipe.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { tlmLayout } from '../../core/tlm.ts';
import { changeBytes } from '../recovery/change-blocks.ts';
import { sharedLayout } from '../training/shared-layout.ts';
import type { LearnedRecovery, LearnedTlm, LoadedRecipe } from './loaded-recipe.ts';

const REMEDY = 'Fetch the recipe again, or make it with `npm run elasticize -- --recipe-out`.';

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function readBlob(folder: string, blob: RecipeBlob): Promise<Result<Uint8Array>> {
  const path = join(folder, blob.file);
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    return fail('recipe-corrupt', `${path} is missing or cannot be read.`, REMEDY, String(error));
  }
  if (bytes.length !== blob.sizeBytes)
    return fail('recipe-corrupt', `${path} has ${bytes.length} bytes in place of ${blob.sizeBytes}.`, REMEDY);
  if (sha256Of(bytes) !== blob.sha256)
    return fail('recipe-corrupt', `${path} differs from what the recipe says (SHA-256).`, REMEDY);
  return ok(bytes);
}

async function readRecovery(folder: string, recipe: Recipe): Promise<Result<LearnedRecovery | null>> {
  if (recipe.recovery === null || recipe.adapters === null) return ok(null);
  const bytes = await readBlob(folder, recipe.adapters);
  if (!bytes.ok) return bytes;
  const expected = 2 * adapterLayout(recipe.model, recipe.recovery).total;
  for (const { level, lengthBytes } of recipe.recovery.levels)
    if (lengthBytes !== expected)
      return fail(
        'recipe-corrupt',
        `${join(folder, RECIPE_FILE)}: the adapters of level ${level} have ${lengthBytes} bytes in place of ${expected}.`,
        REMEDY,
      );
  const { shared: stored, ...about } = recipe.recovery;
  if (stored === null) return ok({ about, bytes: bytes.value, shared: null });
  const lowRank = await readBlob(folder, stored.lowRank);
  if (!lowRank.ok) return lowRank;
  const down = await readBlob(folder, stored.down);
  if (!down.ok) return down;
  const { model } = recipe;
  const sizes = [
    [stored.lowRank, 2 * sharedLayout(model, stored.rank).total],
    [stored.down, model.layers * changeBytes(model.ffnSize * model.hiddenSize)],
  ] as const;
  for (const [{ file, sizeBytes }, wanted] of sizes)
    if (sizeBytes !== wanted)
      return fail(
        'recipe-corrupt',
        `${join(folder, file)} has ${sizeBytes} bytes in place of ${wanted}.`,
        REMEDY,
      );
  const shared = { rank: stored.rank, lowRank: lowRank.value, down: down.value };
  return ok({ about, bytes: bytes.value, shared });
}

async function readTlm(folder: string, recipe: Recipe): Promise<Result<LearnedTlm | null>> {
  if (recipe.tlm === null) return ok(null);
  const { parameters, ...about } = recipe.tlm;
  const bytes = await readBlob(folder, parameters);
  if (!bytes.ok) return bytes;
  const expected = 2 * tlmLayout(about.config, recipe.model.hiddenSize).total;
  if (parameters.sizeBytes !== expected)
    return fail(
      'recipe-corrupt',
      `${join(folder, parameters.file)} has ${parameters.sizeBytes} bytes in place of ${expected}.`,
      REMEDY,
    );
  return ok({ about, bytes: bytes.value });
}

/**
 * Reads a recipe's folder and checks all of it. Failures: `recipe-missing`, `recipe-corrupt` (names the first wrong
 * thing), and those of `parseRecipe`.
 */
export async function readRecipe(folder: string): Promise<Result<LoadedRecipe>> {
  const path = join(folder, RECIPE_FILE);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    return fail(
      'recipe-missing',
      `${folder} holds no ${RECIPE_FILE}, so it is no recipe.`,
      'Make one: `npm run elasticize -- --recipe-out`.',
      String(error),
    );
  }
  const parsed = parseRecipe(text, path);
  if (!parsed.ok) return parsed;
  const recipe = parsed.value;
  const ordersBytes = await readBlob(folder, recipe.orders);
  if (!ordersBytes.ok) return ordersBytes;
  const orders = decodeOrders(recipe.model, ordersBytes.value, join(folder, recipe.orders.file));
  if (!orders.ok) return orders;
  const rangesBytes = await readBlob(folder, recipe.ranges);
  if (!rangesBytes.ok) return rangesBytes;
  const ranges = decodeRanges(recipe.model, rangesBytes.value, join(folder, recipe.ranges.file));
  if (!ranges.ok) return ranges;
  const recovery = await readRecovery(folder, recipe);
  if (!recovery.ok) return recovery;
  const tlm = await readTlm(folder, recipe);
  if (!tlm.ok) return tlm;
  let qualityCard: string | null = null;
  if (recipe.qualityCard !== null) {
    const card = await readBlob(folder, recipe.qualityCard);
    if (!card.ok) return card;
    qualityCard = Buffer.from(card.value).toString('utf8');
  }
  const { segments, ranking, alwaysOn, levels } = recipe;
  return ok({
    recipe,
    learned: {
      importance: recipe.importance,
      plan: { segments, ranking, alwaysOn, levels },
      orders: orders.value,
      ranges: ranges.value,
      smoothing: recipe.smoothing,
      recovery: recovery.value,
      tlm: tlm.value,
    },
    qualityCard,
    sha256: sha256Of(Buffer.from(text)),
  });
}
