import { mkdtempSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Recipe, RecipeData, RecordedBundle } from '../../core/recipe.ts';
import { fail, type Result } from '../../core/result.ts';
import { recordOf } from '../bundle/build-variants.ts';
import { ownedName, removeLeftovers } from '../bundle/leftovers.ts';
import type { SourceModel } from '../sources/source-model.ts';
import { buildFromRecipe } from './build-from-recipe.ts';
import { recipeFits } from './fits-model.ts';
import type { LearnedTlm, LoadedRecipe } from './loaded-recipe.ts';
import { writeRecipe } from './write-recipe.ts';

export interface WithTlmOptions {
  /** Weights that the recipe was made from: its bundles are built anew. */
  readonly model: SourceModel;
  readonly tlm: LearnedTlm;
  /** What it was trained on. */
  readonly data: readonly Omit<RecipeData, 'use'>[];
  /** How it was made. Takes the place of an earlier TLM's. */
  readonly command: string;
  /** Folder of the new recipe; may be that of the old one. */
  readonly out: string;
}

/**
 * Writes a recipe that has a TLM beside what it had: orders, levels, adapters, figures of quality and the quality card
 * stay; the recorded bundles are built anew, because the TLM's files belong to them. Failures: `recipe-other-model`,
 * `recipe-other-weights`, those of `writeRecipe`. Throws the signal's reason when it is aborted; the old recipe is then
 * untouched.
 */
export async function withTlm(
  loaded: LoadedRecipe,
  options: WithTlmOptions,
  onFraction: (fraction: number) => void = () => undefined,
  signal?: AbortSignal,
): Promise<Result<Recipe>> {
  const { model, tlm, data, command, out } = options;
  const fits = recipeFits(loaded.recipe, model);
  if (!fits.ok) return fits;
  if (fits.value === 'other')
    return fail(
      'recipe-other-weights',
      `The recipe was made from ${loaded.recipe.base.format} weights with SHA-256 ${loaded.recipe.base.sha256.slice(0, 12)}...; ${model.name} (${model.format}) has ${model.sha256.slice(0, 12)}...`,
      'Name the weights that the recipe was made from, or elasticize these first with --recipe and --recipe-out.',
    );
  const given: LoadedRecipe = {
    ...loaded,
    learned: { ...loaded.learned, tlm },
    recipe: { ...loaded.recipe, commands: [...commandsWithoutTlm(loaded.recipe, command), command] },
  };
  const { recipe, learned, qualityCard } = given;
  const bundles: RecordedBundle[] = [];
  const target = resolve(out);
  const prefix = `.${basename(target)}-tlm-`;
  removeLeftovers(dirname(target), prefix);
  for (const [i, { variant }] of recipe.bundles.entries()) {
    const folder = mkdtempSync(join(dirname(target), ownedName(prefix)));
    try {
      const step = (fraction: number): void => {
        signal?.throwIfAborted();
        onFraction((i + fraction) / recipe.bundles.length);
      };
      bundles.push(recordOf(await buildFromRecipe(folder, model, given, variant, 'own', step, signal)));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const { base, seed, commands, madeBy } = recipe;
  const trainedOn = data.map((entry) => ({ ...entry, use: 'tlm' as const }));
  return writeRecipe(out, {
    model: recipe.model,
    learned,
    qualityCard,
    record: {
      base,
      data: [...recipe.data.filter(({ use }) => use !== 'tlm'), ...trainedOn],
      seed,
      commands,
      madeBy,
      bundles,
    },
  });
}

/** Commands name the tool first (`train-tlm --steps 100`). */
function commandsWithoutTlm({ tlm, commands }: Recipe, command: string): readonly string[] {
  const [tool] = command.split(' ');
  return tlm === null ? commands : commands.filter((before) => before.split(' ')[0] !== tool);
}
