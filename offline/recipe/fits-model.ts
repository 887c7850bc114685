import type { ModelConfig } from '../../core/model-config.ts';
import type { Recipe } from '../../core/recipe.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { SourceModel } from '../sources/source-model.ts';

/** Differs between copies of one model, and nothing in a recipe hangs on it. */
const FREE: readonly (keyof ModelConfig)[] = ['contextLength'];

/** `own` = the weights that the recipe was made from; `other` = other weights of the same shape. */
export type WeightsKinship = 'own' | 'other';

/**
 * Whether a recipe applies to a model. Figures are compared as f32, because GGUF keeps them so. Failure
 * `recipe-other-model` names the first thing that differs.
 */
export function recipeFits(recipe: Recipe, model: SourceModel): Result<WeightsKinship> {
  for (const key of Object.keys(recipe.model) as (keyof ModelConfig)[]) {
    if (FREE.includes(key)) continue;
    const [learnt, given] = [recipe.model[key], model.config[key]];
    const equal =
      typeof learnt === 'number' && typeof given === 'number'
        ? Math.fround(learnt) === Math.fround(given)
        : learnt === given;
    if (!equal)
      return fail(
        'recipe-other-model',
        `The recipe is for ${recipe.base.name} with ${key} ${String(learnt)}; ${model.name} has ${String(given)}.`,
        'Name the model that the recipe was made from, or elasticize this one without --recipe.',
      );
  }
  return ok(model.sha256 === recipe.base.sha256 ? 'own' : 'other');
}
