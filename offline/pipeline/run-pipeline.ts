import { join } from 'node:path';
import type { BundleManifest, Variant } from '../../core/bundle-manifest.ts';
import type { Recipe, RecipeData } from '../../core/recipe.ts';
import type { AdapterShape, RuntimeSite } from '../../core/recovery-adapter.ts';
import { ok, type Result } from '../../core/result.ts';
import { buildVariants, recordOf } from '../bundle/build-variants.ts';
import type { StagedFolder } from '../bundle/staged-folder.ts';
import type { ElasticizeOptions } from '../elasticize.ts';
import { StageProgress, type OnProgress } from '../progress.ts';
import { commandLine } from '../recipe/build-from-recipe.ts';
import { recipeFits } from '../recipe/fits-model.ts';
import type { Learned, LoadedRecipe } from '../recipe/loaded-recipe.ts';
import { writeRecipe } from '../recipe/write-recipe.ts';
import { recoverStage } from '../recovery/recover-stage.ts';
import { quickWindows, windowsSha256 } from './calibration-text.ts';
import { learn, type LearnOptions, type LearnStages } from './learn.ts';
import { measureStage } from './measure-stage.ts';
import { stageSeconds } from './stage-seconds.ts';
import type { OnFraction } from './stages.ts';
import type { WorkFolder } from './work-folder.ts';

export type PipelineStages = Partial<LearnStages>;

/** On frozen weights, what costs least at run time for what it brings: docs/decisions/0056-recovery.md. */
export const FROZEN_ADAPTER: AdapterShape<RuntimeSite> = {
  sites: ['mlp'],
  rank: 16,
  bias: true,
  norms: false,
};
/** Beside a change that all levels share, what costs nothing at run time: docs/decisions/0057-shared-recovery.md. */
export const SHARED_ADAPTER: AdapterShape<RuntimeSite> = { sites: [], rank: 0, bias: true, norms: true };
export const DEFAULT_SHARED_RANK = 16;
/** Training steps of a level; those of shared weights serve all levels. */
export const DEFAULT_STEPS = { frozen: 130, shared: 260 } as const;

/** What was learned, and what a recipe tells of how. */
interface Knowledge {
  readonly learned: Learned;
  readonly data: readonly RecipeData[];
  readonly seed: number;
  readonly commands: readonly string[];
  /** Bundles of these weights that were measured before. */
  readonly recorded: Recipe['bundles'];
}

/**
 * All stages from importance to recipe; the bundle and the recipe are put in place at the end. With a recipe in the
 * options what it holds is not learned again, only built, measured and recorded anew.
 */
export async function runPipeline(
  folder: StagedFolder,
  options: ElasticizeOptions,
  work: WorkFolder,
  onProgress: OnProgress,
  signal: AbortSignal | undefined,
): Promise<Result<BundleManifest>> {
  const { model, recipeOut } = options;
  const recipe = options.recipe ?? null;
  const card = options.card ?? null;
  const learning = learnOptions(options);
  const variants = variantsOf(options);
  const seconds = stageSeconds(
    model.config,
    recipe === null ? learning : null,
    variants.length,
    card !== null,
  );
  const progress = new StageProgress(seconds, onProgress);
  const at =
    (stage: keyof typeof seconds): OnFraction =>
    (fraction) => {
      signal?.throwIfAborted();
      progress.at(stage, fraction);
    };
  const known =
    recipe === null
      ? await learnAnew(options, learning, work, { at, given: (stage) => progress.given(stage) }, signal)
      : knownFrom(recipe, options);
  if (!known.ok) return known;
  const { learned, seed, commands, data, recorded } = known.value;
  const windows = quickWindows(model, learning.dataFolder);
  const version = options.toolVersion ?? 'unknown';
  const built = await buildVariants(
    {
      model,
      learned,
      variants,
      folder: folder.path,
      scratch: join(work.scratch, 'variants'),
      windows,
      madeBy: { version, command: commandLine(commands), seed },
      recorded,
      card,
    },
    { at },
    signal,
  );
  at('finish')(0);
  signal?.throwIfAborted();
  // From here on it is too late to cancel: bundle and recipe belong together.
  folder.commit();
  if (recipeOut !== undefined && recipeOut !== null) {
    const heldOut: RecipeData = {
      use: 'held-out',
      name: windows.heldOutName,
      sha256: windowsSha256(windows.heldOut.map((ids) => ({ ids }))),
    };
    const record: Pick<Recipe, 'base' | 'data' | 'seed' | 'commands' | 'madeBy' | 'bundles'> = {
      base: { name: model.name, sha256: model.sha256, format: model.format },
      data: [...data.filter(({ use }) => use !== 'held-out'), heldOut],
      seed,
      commands: [...commands],
      madeBy: { tool: 'bungee elasticize', version },
      bundles: built.manifests.map(recordOf),
    };
    const written = writeRecipe(recipeOut, {
      model: model.config,
      learned,
      record,
      qualityCard: built.qualityCard,
    });
    if (!written.ok) return written;
  }
  progress.at('finish', 1);
  return ok(built.manifests[0] as BundleManifest);
}

/** The asked variant first; a card wants f32 beside it. */
function variantsOf({ variant, alsoRecord, card }: ElasticizeOptions): Variant[] {
  const f32: Variant[] = card === undefined || card === null ? [] : ['f32'];
  return [...new Set<Variant>([variant, ...(alsoRecord ?? []), ...f32])];
}

async function learnAnew(
  options: ElasticizeOptions,
  learning: LearnOptions,
  work: WorkFolder,
  progress: Parameters<typeof learn>[3],
  signal: AbortSignal | undefined,
): Promise<Result<Knowledge>> {
  const stages: LearnStages = { measure: measureStage, recover: recoverStage, ...options.stages };
  const learnt = await learn(learning, stages, work, progress, signal);
  if (!learnt.ok) return learnt;
  return ok({ ...learnt.value, seed: learning.seed, commands: [options.command ?? ''], recorded: [] });
}

/** What a recipe knows; where it was made from other weights, it is recorded as these weights' from now on. */
function knownFrom(
  { recipe, learned }: LoadedRecipe,
  { model, command }: ElasticizeOptions,
): Result<Knowledge> {
  const fits = recipeFits(recipe, model);
  if (!fits.ok) return fits;
  const commands = command === undefined ? recipe.commands : [...recipe.commands, command];
  const recorded = fits.value === 'own' ? recipe.bundles : [];
  return ok({ learned, data: recipe.data, seed: recipe.seed, commands, recorded });
}

function learnOptions(options: ElasticizeOptions): LearnOptions {
  const { segmentsPerLayer } = options;
  const cells = segmentsPerLayer === undefined ? {} : { cellsPerMlp: segmentsPerLayer };
  const sharedRank = options.sharedRank ?? null;
  return {
    model: options.model,
    dataFolder: options.dataFolder ?? null,
    criterion: options.criterion ?? 'activation',
    levels: options.single === true ? 'single' : (options.levels ?? { policy: 'even', ...cells }),
    recovery: options.recovery ?? 'none',
    adapter: options.adapter ?? (sharedRank === null ? FROZEN_ADAPTER : SHARED_ADAPTER),
    sharedRank,
    steps: options.steps ?? DEFAULT_STEPS[sharedRank === null ? 'frozen' : 'shared'],
    seed: options.seed ?? 0,
    device: options.device ?? 'cpu',
  };
}
