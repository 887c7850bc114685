import type { LayerOrder, LayerRanges } from '../../core/recipe-blobs.ts';
import type { Recipe, RecipeRecovery, RecipeTlm } from '../../core/recipe.ts';
import type { LevelPlan } from '../levels/level-plan.ts';

/** Adapters of all levels but the full one, as a recipe keeps them. */
export interface LearnedRecovery {
  readonly about: RecipeRecovery;
  /** f16, for unsmoothed weights. */
  readonly bytes: Uint8Array;
}

/** The trained tiny language model, as a recipe keeps it. */
export interface LearnedTlm {
  readonly about: Omit<RecipeTlm, 'parameters'>;
  /** f16, in the layout of `core/tlm.ts`. */
  readonly bytes: Uint8Array;
}

/** What the offline stage has learned of a model: everything that a bundle is made from beside its weights. */
export interface Learned {
  readonly importance: Recipe['importance'];
  readonly plan: LevelPlan;
  readonly orders: readonly LayerOrder[];
  readonly ranges: readonly LayerRanges[];
  readonly smoothing: number;
  readonly recovery: LearnedRecovery | null;
  /** Trained on these levels and their adapters; what is newly learned has none. */
  readonly tlm: LearnedTlm | null;
}

/** A recipe with its blobs, read and checked. */
export interface LoadedRecipe {
  readonly recipe: Recipe;
  readonly learned: Learned;
  /** Text of the quality card; null where there is none. */
  readonly qualityCard: string | null;
  /** SHA-256 of `recipe.json`, which names the hashes of all other files: the recipe's identity. */
  readonly sha256: string;
}

export const RECIPE_BLOBS = {
  orders: 'orders.bin',
  ranges: 'ranges.bin',
  adapters: 'adapters.bin',
  tlm: 'tlm.bin',
} as const;
