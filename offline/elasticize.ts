import { mkdtempSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { BundleManifest, Variant } from '../core/bundle-manifest.ts';
import type { AdapterShape, RuntimeSite } from '../core/recovery-adapter.ts';
import { FailureError, fail, ok, type Result } from '../core/result.ts';
import type { CardStage } from './bundle/build-variants.ts';
import { ownedName } from './bundle/leftovers.ts';
import { StagedFolder } from './bundle/staged-folder.ts';
import type { ComputeDevice } from './graph/compute-device.ts';
import type { ImportanceCriterion } from './importance/criteria.ts';
import type { LevelShapeOptions } from './levels/plan-by-policy.ts';
import { runPipeline, type PipelineStages } from './pipeline/run-pipeline.ts';
import type { RecoveryMethod } from './pipeline/stages.ts';
import { WorkFolder } from './pipeline/work-folder.ts';
import { StageProgress, type OnProgress } from './progress.ts';
import { buildFromRecipe } from './recipe/build-from-recipe.ts';
import { recipeFits } from './recipe/fits-model.ts';
import type { LoadedRecipe } from './recipe/loaded-recipe.ts';
import type { SourceModel } from './sources/source-model.ts';

export interface ElasticizeOptions {
  readonly model: SourceModel;
  /** Folder of the bundle. */
  readonly out: string;
  readonly variant: Variant;
  /**
   * Build from this: nothing is measured or trained, and of the following nothing counts. With `recipeOut` a
   * recipe with the same orders, levels and adapters is written, and what it does not record yet (variants, the card) is
   * measured.
   */
  readonly recipe?: LoadedRecipe | null;
  readonly seed?: number;
  /** MLP cells per layer, default 3 (level policy `even`). */
  readonly segmentsPerLayer?: number;
  /** How levels are shaped, default `even`. */
  readonly levels?: LevelShapeOptions;
  /** One uncut level instead of nine: what segmentation is measured against. */
  readonly single?: boolean;
  /** Default `activation`, which takes seconds. */
  readonly criterion?: ImportanceCriterion;
  /** Default `none`. */
  readonly recovery?: RecoveryMethod;
  /** Training steps per level. */
  readonly steps?: number;
  readonly adapter?: AdapterShape<RuntimeSite>;
  /** Rank of a change of the weights that all levels share; null (default) leaves the weights as they are. */
  readonly sharedRank?: number | null;
  /** Calibration, training and held-out text (`offline/datasets`); null: the project's own pages. */
  readonly dataFolder?: string | null;
  /** What measures and trains, default `cpu`; it changes results by rounding only. */
  readonly device?: ComputeDevice;
  /** Folder to write the recipe into. */
  readonly recipeOut?: string | null;
  /** Variants that the recipe records besides `variant`. */
  readonly alsoRecord?: readonly Variant[];
  /** Measures the quality card; null = no card. */
  readonly card?: CardStage | null;
  /**
   * Where a killed run goes on from; `keep` also after success. Default: a temporary folder, removed in any case.
   */
  readonly work?: { readonly folder: string; readonly keep: boolean } | null;
  readonly command?: string;
  readonly toolVersion?: string;
  /** In place of the real ones, for tests. */
  readonly stages?: PipelineStages;
}

/**
 * Makes a bundle from an open model: importance, order, levels, recovery, quantized weights, graphs, quality per
 * level, manifest, recipe; or the bundle of a recipe. Failures: `cancelled`, `output-taken`, `output-unwritable`,
 * `disk-full`, those of `WorkFolder.open`, of `recipeFits` and of the stages. Bundle and recipe appear whole or not at
 * all; a failed run leaves nothing but a work folder that was named.
 */
export async function elasticize(
  options: ElasticizeOptions,
  onProgress: OnProgress = () => undefined,
  signal?: AbortSignal,
): Promise<Result<BundleManifest>> {
  const staged = StagedFolder.create(options.out);
  if (!staged.ok) return staged;
  const folder = staged.value;
  let done = false;
  try {
    const recipe = (options.recipeOut ?? null) === null ? (options.recipe ?? null) : null;
    const made =
      recipe === null
        ? await throughWorkFolder(folder, options, onProgress, signal)
        : await fromRecipe(folder, options, recipe, onProgress, signal);
    done = made.ok;
    return made;
  } catch (error) {
    if (signal?.aborted === true) return cancelled(options);
    if (error instanceof FailureError) return { ok: false, failure: error.failure };
    if (isOutOfSpace(error))
      return fail(
        'disk-full',
        `${options.out}: the disk is full.`,
        'Free some space, or name another folder.',
      );
    throw error;
  } finally {
    if (!done) folder.discard();
  }
}

function cancelled({ work }: ElasticizeOptions): Result<never> {
  return work === undefined || work === null
    ? fail('cancelled', 'Elasticizing was cancelled; nothing was written.')
    : fail(
        'cancelled',
        'Elasticizing was cancelled.',
        `The same command goes on from what lies in ${work.folder}.`,
      );
}

function isOutOfSpace(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOSPC';
}

async function fromRecipe(
  folder: StagedFolder,
  { model, variant }: ElasticizeOptions,
  recipe: LoadedRecipe,
  onProgress: OnProgress,
  signal: AbortSignal | undefined,
): Promise<Result<BundleManifest>> {
  const fits = recipeFits(recipe.recipe, model);
  if (!fits.ok) return fits;
  const progress = new StageProgress({ 'write weights': 6, finish: 1 }, onProgress);
  const step = (fraction: number): void => {
    signal?.throwIfAborted();
    progress.at('write weights', fraction);
  };
  const manifest = await buildFromRecipe(folder.path, model, recipe, variant, fits.value, step, signal);
  folder.commit();
  progress.at('finish', 1);
  return ok(manifest);
}

async function throughWorkFolder(
  folder: StagedFolder,
  options: ElasticizeOptions,
  onProgress: OnProgress,
  signal: AbortSignal | undefined,
): Promise<Result<BundleManifest>> {
  const named = options.work ?? null;
  const work = WorkFolder.open(named === null ? temporaryWork(options.out) : named.folder);
  if (!work.ok) return work;
  let done = false;
  try {
    const made = await runPipeline(folder, options, work.value, onProgress, signal);
    done = made.ok;
    return made;
  } finally {
    work.value.close(named !== null && (named.keep || !done));
  }
}

/** Beside the bundle, under a name by which the next run finds it if this one is killed. */
function temporaryWork(out: string): string {
  const target = resolve(out);
  return mkdtempSync(join(dirname(target), ownedName(`.${basename(target)}-`)));
}
