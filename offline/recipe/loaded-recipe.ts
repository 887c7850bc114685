import type { LayerOrder, LayerRanges } from '../../core/recipe-blobs.ts';
import type { Recipe, RecipeRecovery, RecipeTlm } from '../../core/recipe.ts';
import type { LevelPlan } from '../levels/level-plan.ts';

/** The change of the weights that all levels share, as a recipe keeps it. */
export interface LearnedShared {
  readonly rank: number;
  /** f16, in the layout of `training/shared-layout.ts`. */
  readonly lowRank: Uint8Array;
  /** 4-bit blocks (`recovery/change-blocks.ts`), layer after layer. */
  readonly down: Uint8Array;
}

/** What brings the levels back, as a recipe keeps it. */
export interface LearnedRecovery {
  readonly about: Omit<RecipeRecovery, 'shared'>;
  /** The levels' adapters, f16, for unsmoothed weights. */
  readonly bytes: Uint8Array;
  /** null: the weights stay as they are. */
  readonly shared: LearnedShared | null;
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
  sharedLowRank: 'shared-low-rank.bin',
  sharedDown: 'shared-down.bin',
  tlm: 'tlm.bin',
} as const;
