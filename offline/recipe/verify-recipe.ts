import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MANIFEST_FILE, type BundleManifest, type Variant } from '../../core/bundle-manifest.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { ownedName, removeLeftovers } from '../bundle/leftovers.ts';
import type { SourceModel } from '../sources/source-model.ts';
import { buildFromRecipe } from './build-from-recipe.ts';
import { recipeFits } from './fits-model.ts';
import type { LoadedRecipe } from './loaded-recipe.ts';

/** What rebuilding one variant gave. */
export interface VariantVerdict {
  readonly variant: Variant;
  readonly equal: boolean;
  readonly recordedBundleId: string;
  readonly rebuiltBundleId: string;
  /** Files that differ, are missing or are new. */
  readonly different: readonly string[];
}

export interface RecipeVerdict {
  readonly equal: boolean;
  readonly recipeSha256: string;
  readonly variants: readonly VariantVerdict[];
}

const PREFIX = 'bungee-verify-';

/**
 * Rebuilds every bundle that a recipe records and compares it with the record, file by file. Failures:
 * `recipe-other-model`, `recipe-other-weights`, `recipe-without-record`.
 *
 * @param parent where the rebuilt bundles lie meanwhile.
 * @param only variants to rebuild; default all recorded ones.
 */
export async function verifyRecipe(
  loaded: LoadedRecipe,
  model: SourceModel,
  parent: string,
  only: readonly Variant[] | null,
  onFraction: (fraction: number) => void,
  signal?: AbortSignal,
): Promise<Result<RecipeVerdict>> {
  const { recipe } = loaded;
  const fits = recipeFits(recipe, model);
  if (!fits.ok) return fits;
  if (fits.value === 'other')
    return fail(
      'recipe-other-weights',
      `The recipe was made from ${recipe.base.format} weights with SHA-256 ${recipe.base.sha256.slice(0, 12)}...; ${model.name} (${model.format}) has ${model.sha256.slice(0, 12)}...`,
      'It applies to these weights too, but only the original ones rebuild its bundles bit for bit: name them with --model.',
    );
  const recorded = recipe.bundles.filter(({ variant }) => only === null || only.includes(variant));
  if (recorded.length === 0)
    return fail(
      'recipe-without-record',
      'The recipe records no such bundle.',
      'Name another variant with --record.',
    );
  removeLeftovers(parent, PREFIX);
  const variants: VariantVerdict[] = [];
  for (const [i, { variant, bundleId, files }] of recorded.entries()) {
    const folder = mkdtempSync(join(parent, ownedName(PREFIX)));
    try {
      const step = (fraction: number): void => {
        signal?.throwIfAborted();
        onFraction((i + fraction) / recorded.length);
      };
      const rebuilt = await buildFromRecipe(folder, model, loaded, variant, 'own', step, signal);
      const equal = rebuilt.bundleId === bundleId;
      const different = differentFiles(files, rebuilt.files);
      variants.push({
        variant,
        equal,
        recordedBundleId: bundleId,
        rebuiltBundleId: rebuilt.bundleId,
        different: equal || different.length > 0 ? different : [MANIFEST_FILE],
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return ok({ equal: variants.every(({ equal }) => equal), recipeSha256: loaded.sha256, variants });
}

function differentFiles(recorded: BundleManifest['files'], rebuilt: BundleManifest['files']): string[] {
  const hashes = (files: BundleManifest['files']): Map<string, string> =>
    new Map(files.map(({ path, sha256 }) => [path, sha256]));
  const [before, after] = [hashes(recorded), hashes(rebuilt)];
  return [...new Set([...before.keys(), ...after.keys()])].filter(
    (path) => before.get(path) !== after.get(path),
  );
}
