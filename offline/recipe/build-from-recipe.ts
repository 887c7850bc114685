import type { BundleLevel, BundleManifest, Variant } from '../../core/bundle-manifest.ts';
import { finishBundle } from '../bundle/finish-bundle.ts';
import { writeBundleContent } from '../bundle/write-content.ts';
import type { SourceModel } from '../sources/source-model.ts';
import type { WeightsKinship } from './fits-model.ts';
import type { LoadedRecipe } from './loaded-recipe.ts';

/** How the commands that made a recipe stand in the manifests of its bundles. */
export function commandLine(commands: readonly string[]): string {
  return commands.join('; ');
}

/** Levels with the recorded quality; on other weights that is said where the figure is. */
function levelsOf({ recipe }: LoadedRecipe, variant: Variant, kinship: WeightsKinship): BundleLevel[] {
  const recorded = recipe.bundles.find((bundle) => bundle.variant === variant)?.quality ?? [];
  return recipe.levels.map((level) => {
    const quality = recorded.find((entry) => entry.level === level.level)?.quality;
    if (quality === undefined) return level;
    const text =
      kinship === 'own'
        ? quality.text
        : `${quality.text} (measured on ${recipe.base.format}, not on these weights)`;
    return { ...level, quality: { ...quality, text } };
  });
}

/**
 * Writes the bundle of base weights and a recipe into a folder. Nothing is measured, so equal inputs give equal bytes
 * on every computer.
 *
 * @param onFraction 0..1; may throw to cancel.
 */
export async function buildFromRecipe(
  folder: string,
  model: SourceModel,
  loaded: LoadedRecipe,
  variant: Variant,
  kinship: WeightsKinship,
  onFraction: (fraction: number) => void,
  signal: AbortSignal | undefined,
): Promise<BundleManifest> {
  const { recipe, learned, qualityCard } = loaded;
  const inputs = { model, learned, variant };
  const parts = writeBundleContent(folder, inputs, onFraction);
  return finishBundle(
    folder,
    inputs,
    {
      levels: levelsOf(loaded, variant, kinship),
      parts,
      qualityCard,
      madeBy: {
        version: recipe.madeBy.version,
        command: commandLine(recipe.commands),
        seed: recipe.seed,
        ...(kinship === 'own' ? {} : { measuredOn: recipe.base }),
      },
    },
    signal,
  );
}
