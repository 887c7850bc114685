import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MANIFEST_FILE, type BundleManifest, type Variant } from '../../core/bundle-manifest.ts';
import { describeFailure, ok, type Result } from '../../core/result.ts';
import { readBundle } from '../../electron/desktop/bundle-catalog.ts';
import {
  elasticize,
  openSourceModel,
  readRecipe,
  recipeFits,
  removeLeftovers,
  type LoadedRecipe,
  type SourceModel,
} from '../../offline/index.ts';
import { say, throttledSay } from './command-line.ts';
import { baseWeights } from './base-weights.ts';
import { dataFolder } from './data-folder.ts';
import { cacheFolder, distFolder, PROJECT_FOLDER } from './folders.ts';
import { BUNGEE_VERSION } from './version.ts';

export interface BundleRequest {
  /** GGUF file or safetensors folder; default: the default model. */
  readonly model?: string | null;
  readonly variant: Variant;
  /** The uncut model as a bundle of one level, for comparison. */
  readonly single?: boolean;
  /** Recipe of a named model; default: the default model's. */
  readonly recipeFolder?: string;
  /** The recipe without its adapters: what they cost at run time is measured against this. */
  readonly withoutRecovery?: boolean;
}

export interface BuiltBundle {
  readonly dir: string;
  readonly manifest: BundleManifest;
}

/** What the offline stage has learned of the default model; comes with the repository. */
const DEFAULT_RECIPE = join(PROJECT_FOLDER, 'recipes', 'smollm2-135m-instruct');

/** Bundles of one kind that stay in the cache. */
const KEPT_BUILDS = 2;

/** Changes with the code that makes bundles, so that a new version of the offline stage is not mistaken for an old one. */
function builderFingerprint(): string {
  return createHash('sha256')
    .update(readFileSync(distFolder('scripts', 'elasticize.mjs')))
    .digest('hex')
    .slice(0, 12);
}

async function forgetOldBuilds(folder: string, kind: string): Promise<void> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.startsWith(`${kind}-`));
  const dated = await Promise.all(
    names.map(async (name) => ({ name, at: (await stat(join(folder, name))).mtimeMs })),
  );
  for (const { name } of dated.sort((a, b) => b.at - a.at).slice(KEPT_BUILDS))
    await rm(join(folder, name), { recursive: true, force: true });
}

/**
 * The default model's recipe where it applies: to the default model in any form, and to a named model that has the
 * recipe's own weights. What keeps it from being used is said.
 */
async function fittingRecipe(request: BundleRequest, model: SourceModel): Promise<LoadedRecipe | null> {
  const folder = request.recipeFolder ?? DEFAULT_RECIPE;
  if (request.single === true || !existsSync(folder)) return null;
  const quick = 'Making a quick bundle without recovery instead: low levels are fast but not good.';
  const isDefault = request.model === undefined || request.model === null;
  const read = await readRecipe(folder);
  if (!read.ok) {
    if (isDefault) say(`bundle: ${describeFailure(read.failure)} ${quick}`);
    return null;
  }
  if (!isDefault && model.sha256 !== read.value.recipe.base.sha256) return null;
  const fits = recipeFits(read.value.recipe, model);
  if (fits.ok) return read.value;
  say(`bundle: ${fits.failure.message} ${quick}`);
  return null;
}

/** Without adapters, and without the quality that was measured with them. */
function bareRecipe(loaded: LoadedRecipe): LoadedRecipe {
  const { recipe, learned } = loaded;
  return {
    ...loaded,
    recipe: { ...recipe, bundles: [] },
    learned: { ...learned, recovery: null },
    qualityCard: null,
  };
}

/**
 * The bundle of a model in the cache, made when it is not there yet (under a minute for the default model): from the
 * recipe that comes with the repository where it applies, else by forward passes without recovery.
 * Failures: those of `baseWeights`, `openSourceModel` and `elasticize`.
 */
export async function defaultBundle(
  request: BundleRequest,
  signal: AbortSignal,
): Promise<Result<BuiltBundle>> {
  const weights =
    request.model === undefined || request.model === null ? await baseWeights(signal) : ok(request.model);
  if (!weights.ok) return weights;
  const source = await openSourceModel(weights.value, signal);
  if (!source.ok) return source;
  try {
    const { name, sha256 } = source.value;
    const single = request.single === true;
    const bare = request.withoutRecovery === true;
    const kind = [
      name,
      request.variant,
      ...(single ? ['single'] : []),
      ...(bare ? ['bare'] : []),
      sha256.slice(0, 8),
    ].join('-');
    const fitting = await fittingRecipe(request, source.value);
    const recipe = bare && fitting !== null ? bareRecipe(fitting) : fitting;
    // The twins are for the bench; the window lists what lies in `bundles`.
    const folder = cacheFolder(single || bare ? 'bench' : 'bundles');
    const learnt = recipe === null ? 'quick' : recipe.sha256.slice(0, 8);
    const dir = join(folder, `${kind}-${learnt}-${builderFingerprint()}`);
    if (existsSync(join(dir, MANIFEST_FILE))) {
      const manifest = await readBundle(dir);
      if (manifest.ok) return ok({ dir, manifest: manifest.value });
      await rm(dir, { recursive: true, force: true });
    }
    const startedAt = Date.now();
    const tell = throttledSay(3000);
    for (const left of existsSync(folder) ? removeLeftovers(folder, '.') : [])
      say(`bundle: removed ${left}, left behind by a run that was killed`);
    say(
      `bundle: making ${name} ${request.variant} ${recipe === null ? 'without recovery' : `from the recipe ${learnt}`} ...`,
    );
    const made = await elasticize(
      {
        model: source.value,
        out: dir,
        variant: request.variant,
        recipe,
        dataFolder: dataFolder(),
        command: 'npm start',
        toolVersion: BUNGEE_VERSION,
        ...(single ? { single: true } : {}),
      },
      ({ stage, fraction, etaSeconds }) =>
        tell(
          `bundle: ${stage}, ${Math.round(fraction * 100)} %${etaSeconds === null ? '' : `, ${Math.ceil(etaSeconds)} s left`}`,
        ),
      signal,
    );
    if (!made.ok) return made;
    const { measuredOn } = made.value.madeBy;
    if (measuredOn !== undefined)
      say(
        `bundle: the recipe was made on ${measuredOn.format} weights; quality was not measured on these (${source.value.format}).`,
      );
    const bytes = made.value.files.reduce((sum, file) => sum + file.sizeBytes, 0);
    say(
      `bundle: ${name} ${request.variant}, ${(bytes / 1e6).toFixed(0)} MB, ${((Date.now() - startedAt) / 1000).toFixed(1)} s`,
    );
    await forgetOldBuilds(folder, kind);
    return ok({ dir, manifest: made.value });
  } finally {
    source.value.close();
  }
}
