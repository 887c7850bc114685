import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelConfig } from '../../core/model-config.ts';
import { QUALITY_CARD_FILE } from '../../core/quality-card.ts';
import { encodeOrders, encodeRanges } from '../../core/recipe-blobs.ts';
import {
  parseRecipe,
  RECIPE_FILE,
  recipeSchemaVersion,
  type Recipe,
  type RecipeBlob,
} from '../../core/recipe.ts';
import { FailureError, ok, type Result } from '../../core/result.ts';
import { StagedFolder, type FolderKind } from '../bundle/staged-folder.ts';
import { RECIPE_BLOBS, type Learned } from './loaded-recipe.ts';

const RECIPE_FOLDER: FolderKind = { what: 'recipe', file: RECIPE_FILE, tells: '"orders"' };

/** Where a recipe comes from and what came out of it. */
export type RecipeRecord = Pick<Recipe, 'base' | 'data' | 'seed' | 'commands' | 'madeBy' | 'bundles'>;

export interface WritableRecipe {
  readonly model: ModelConfig;
  readonly learned: Learned;
  readonly record: RecipeRecord;
  /** Text of the quality card. */
  readonly qualityCard: string | null;
}

/**
 * Writes a recipe's folder: it appears whole or not at all, and replaces an older recipe. Failures:
 * `output-taken`, `output-unwritable`.
 */
export function writeRecipe(
  folder: string,
  { model, learned, record, qualityCard }: WritableRecipe,
): Result<Recipe> {
  const staged = StagedFolder.create(folder, RECIPE_FOLDER);
  if (!staged.ok) return staged;
  const write = (file: string, bytes: Uint8Array): RecipeBlob => {
    writeFileSync(join(staged.value.path, file), bytes);
    return { file, sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  };
  try {
    const { segments, ranking, alwaysOn, levels } = learned.plan;
    const shared = learned.recovery?.shared ?? null;
    const recovery: Recipe['recovery'] = learned.recovery && {
      ...learned.recovery.about,
      shared: shared && {
        rank: shared.rank,
        lowRank: write(RECIPE_BLOBS.sharedLowRank, shared.lowRank),
        down: write(RECIPE_BLOBS.sharedDown, shared.down),
      },
    };
    const recipe: Recipe = {
      schemaVersion: recipeSchemaVersion(recovery),
      base: record.base,
      model,
      importance: learned.importance,
      segments,
      ranking,
      alwaysOn,
      levels,
      smoothing: learned.smoothing,
      orders: write(RECIPE_BLOBS.orders, encodeOrders(model, learned.orders)),
      ranges: write(RECIPE_BLOBS.ranges, encodeRanges(learned.ranges)),
      adapters: learned.recovery === null ? null : write(RECIPE_BLOBS.adapters, learned.recovery.bytes),
      recovery,
      tlm:
        learned.tlm === null
          ? null
          : { ...learned.tlm.about, parameters: write(RECIPE_BLOBS.tlm, learned.tlm.bytes) },
      qualityCard: qualityCard === null ? null : write(QUALITY_CARD_FILE, Buffer.from(qualityCard)),
      data: record.data,
      seed: record.seed,
      commands: record.commands,
      madeBy: record.madeBy,
      bundles: record.bundles,
    };
    const text = `${JSON.stringify(recipe, null, 1)}\n`;
    // What was written must be readable; a recipe that is not is a bug of the writer.
    const parsed = parseRecipe(text, RECIPE_FILE);
    if (!parsed.ok) throw new FailureError(parsed.failure);
    writeFileSync(join(staged.value.path, RECIPE_FILE), text);
    staged.value.commit();
    return ok(parsed.value);
  } catch (error) {
    staged.value.discard();
    throw error;
  }
}
