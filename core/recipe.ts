import { z } from 'zod';
import {
  bundleFileSchema,
  bundleLevelSchema,
  bundlePathSchema,
  bundleTlmSchema,
  recoverySchema,
  segmentSchema,
  variantSchema,
} from './bundle-manifest.ts';
import { FULL_LEVEL, levelSchema } from './level.ts';
import { modelConfigSchema } from './model-config.ts';
import { firstIssue } from './parse.ts';
import { fail, ok, type Result } from './result.ts';

/** Newest version of the recipe's layout; readers refuse newer ones. */
export const RECIPE_SCHEMA_VERSION = 2;
/** Recipes that leave the weights as they are have this version still. */
const VERSION_OF_FROZEN_WEIGHTS = 1;
export const RECIPE_FILE = 'recipe.json';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hex');
const count = z.int().nonnegative();

/** A file beside `recipe.json`. */
const blobSchema = z.object({ file: bundlePathSchema, sizeBytes: count, sha256 });
export type RecipeBlob = z.infer<typeof blobSchema>;

/** Text or tokens that a stage has seen. */
export const recipeDataSchema = z.object({
  use: z.enum(['calibration', 'recovery', 'held-out', 'tlm']),
  name: z.string(),
  sha256,
});
export type RecipeData = z.infer<typeof recipeDataSchema>;

/** Weights that a recipe was made from. */
export const recipeBaseSchema = z.object({ name: z.string().min(1), sha256, format: z.string() });

/**
 * A change of the decoder's matrices that all levels share, in the recipe's order of units; it is merged into the weights
 * before anything else is done with them.
 */
const sharedChangeSchema = z.object({
  rank: count,
  /** f16, little-endian, in the layout of `offline/training/shared-layout.ts`. */
  lowRank: blobSchema,
  /** The change of each layer's `down` beside that, [ffn, hidden], in GGUF's Q4_0 blocks. */
  down: blobSchema,
});

/**
 * How the adapters were trained and where each level's lie in the blob: f16, little-endian, in the layout of
 * `core/recovery-adapter.ts`, for unsmoothed weights in the recipe's order of units. The full level has one only where
 * levels have norms of their own.
 */
export const recipeRecoverySchema = recoverySchema
  .pick({ method: true, sites: true, rank: true, bias: true, norms: true })
  .extend({
    seed: z.int(),
    /** null: the weights stay as they are. */
    shared: sharedChangeSchema.nullable().default(null),
    levels: z.array(
      z.object({
        level: levelSchema,
        offset: count,
        lengthBytes: z.int().positive(),
        steps: count,
        /** Seen in training. */
        tokens: count,
        heldOutLoss: z.number().nullable(),
      }),
    ),
  });
export type RecipeRecovery = z.infer<typeof recipeRecoverySchema>;

/**
 * The trained TLM: parameters f16, little-endian, in the layout of `core/tlm.ts`. It was trained with the levels of
 * this recipe; a recipe whose levels change needs it anew.
 */
export const recipeTlmSchema = bundleTlmSchema.pick({ config: true, quality: true, method: true }).extend({
  seed: z.int(),
  parameters: blobSchema,
});
export type RecipeTlm = z.infer<typeof recipeTlmSchema>;

/** A bundle as it came out when the recipe was made: what a rebuild must equal. */
export const recordedBundleSchema = z.object({
  variant: variantSchema,
  bundleId: sha256,
  files: z.array(bundleFileSchema).min(1),
  /** Quality of each level, as the manifest tells it. */
  quality: z.array(z.object({ level: levelSchema, quality: bundleLevelSchema.shape.quality })),
});
export type RecordedBundle = z.infer<typeof recordedBundleSchema>;

/**
 * What the offline stage learned of a model, without the model's weights: with them it gives the bundle, bit for
 * bit. Blobs: `orders` per layer uint16 neurons, then KV groups (position in the bundle -> index in the model);
 * `ranges` per layer float32 largest inputs of the layer's four groups of products, for int8. All little-endian.
 */
export const recipeSchema = z
  .object({
    schemaVersion: z.literal([VERSION_OF_FROZEN_WEIGHTS, RECIPE_SCHEMA_VERSION]),
    base: recipeBaseSchema,
    model: modelConfigSchema,
    importance: z.object({
      /** The flag, e.g. `taylor`. */
      criterion: z.string(),
      /** In words, for the manifest. */
      method: z.string(),
      calibration: z.string(),
    }),
    segments: z.array(segmentSchema).min(1),
    ranking: z.array(count),
    alwaysOn: count,
    levels: z.array(bundleLevelSchema.omit({ quality: true })).min(1),
    /** Strength of the smoothing before int8 storage. */
    smoothing: z.number().min(0).max(1),
    orders: blobSchema,
    ranges: blobSchema,
    adapters: blobSchema.nullable(),
    recovery: recipeRecoverySchema.nullable(),
    tlm: recipeTlmSchema.nullable().default(null),
    /** The measured quality (`core/quality-card.ts`); null: not measured. */
    qualityCard: blobSchema.nullable(),
    data: z.array(recipeDataSchema),
    seed: z.int(),
    /** How it was made, in order. */
    commands: z.array(z.string()).min(1),
    madeBy: z.object({ tool: z.string(), version: z.string() }),
    bundles: z.array(recordedBundleSchema),
  })
  .superRefine((recipe, context) => {
    const problem = (message: string, ...path: (string | number)[]): void =>
      context.addIssue({ code: 'custom', message, path });
    if (
      new Set(recipe.ranking).size !== recipe.segments.length ||
      recipe.ranking.length !== recipe.segments.length
    )
      problem('must name every segment exactly once', 'ranking');
    if (recipe.segments.some(({ layer }) => layer >= recipe.model.layers))
      problem('name a layer that the model has not', 'segments');
    for (const kind of ['attention', 'mlp'] as const)
      for (let layer = 0; layer < recipe.model.layers; layer++)
        if (
          !covers(recipe.segments, layer, kind, kind === 'mlp' ? recipe.model.ffnSize : recipe.model.kvHeads)
        )
          problem(`do not cover the ${kind} units of layer ${layer} exactly once`, 'segments');
    if (recipe.levels.at(-1)?.prefix !== recipe.ranking.length)
      problem('the last level must be the full model', 'levels');
    if ((recipe.recovery === null) !== (recipe.adapters === null))
      problem('recovery and adapters go together', 'adapters');
    for (const [i, entry] of (recipe.recovery?.levels ?? []).entries()) {
      const hasOne = entry.level !== FULL_LEVEL || recipe.recovery?.norms === true;
      if (!hasOne || !recipe.levels.some(({ level }) => level === entry.level))
        problem('an adapter of a level that has none', 'recovery', 'levels', i, 'level');
      if (entry.offset + entry.lengthBytes > (recipe.adapters?.sizeBytes ?? 0))
        problem('lies beyond the end of the adapters', 'recovery', 'levels', i, 'offset');
    }
  });
export type Recipe = z.infer<typeof recipeSchema>;

/** Version of the layout that a recipe with this recovery has. */
export function recipeSchemaVersion(recovery: RecipeRecovery | null): Recipe['schemaVersion'] {
  const frozen = recovery === null || (recovery.shared === null && !recovery.norms);
  return frozen ? VERSION_OF_FROZEN_WEIGHTS : RECIPE_SCHEMA_VERSION;
}

function covers(
  segments: Recipe['segments'],
  layer: number,
  kind: 'attention' | 'mlp',
  units: number,
): boolean {
  let end = 0;
  const own = segments.filter((segment) => segment.layer === layer && segment.kind === kind);
  for (const segment of own.sort((a, b) => a.unitStart - b.unitStart)) {
    if (segment.unitStart !== end) return false;
    end += segment.units;
  }
  return end === units;
}

/**
 * Reads `recipe.json`; failures: `recipe-foreign` (no Bungee recipe), `recipe-newer` (schema of a later version),
 * `recipe-corrupt` (names the first wrong field).
 *
 * @param where the file, for the message.
 */
export function parseRecipe(text: string, where: string): Result<Recipe> {
  let input: unknown;
  try {
    input = JSON.parse(text);
  } catch {
    return fail('recipe-foreign', `${where} is not JSON.`, 'Point --recipe at a folder that Bungee wrote.');
  }
  const version = z.object({ schemaVersion: z.number() }).safeParse(input);
  if (!version.success)
    return fail(
      'recipe-foreign',
      `${where} is not a Bungee recipe (no schemaVersion).`,
      'Point --recipe at a folder that Bungee wrote.',
    );
  if (version.data.schemaVersion > RECIPE_SCHEMA_VERSION)
    return fail(
      'recipe-newer',
      `${where} has schema version ${version.data.schemaVersion}; this Bungee reads up to ${RECIPE_SCHEMA_VERSION}.`,
      'Update Bungee, or make the recipe again with this version.',
    );
  const parsed = recipeSchema.safeParse(input);
  return parsed.success
    ? ok(parsed.data)
    : fail(
        'recipe-corrupt',
        `${where} is damaged: ${firstIssue(parsed.error)}.`,
        'Fetch the recipe again, or make it with `npm run elasticize -- --recipe-out`.',
      );
}
