import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { variantSchema, type BundleManifest } from '../core/bundle-manifest.ts';
import { parseQualityCard } from '../core/quality-card.ts';
import { describeFailure, FailureError, unwrap } from '../core/result.ts';
import {
  cardStage,
  elasticize,
  readRecipe,
  type CardStage,
  type ComputeDevice,
  type ElasticizeOptions,
  type LevelShapeOptions,
  type LoadedRecipe,
  type Progress,
  type SourceModel,
} from '../offline/index.ts';
import {
  elasticizeProgram,
  recordedCommand,
  recoveryShape,
  type ElasticizeFlags,
} from './elasticize/flags.ts';
import { openModel } from './elasticize/open-model.ts';
import { verify } from './elasticize/verify.ts';
import { printJson, runCommand, say, throttledSay } from './shared/command-line.ts';
import { dataFolder, dataFolderToLearnFrom } from './shared/data-folder.ts';
import { openDevice } from './shared/device-flag.ts';
import { BUNGEE_VERSION } from './shared/version.ts';

function describe({ stage, fraction, etaSeconds }: Progress): string {
  const left = (seconds: number): string =>
    seconds < 120 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
  const eta = etaSeconds === null ? '' : `, ${left(etaSeconds)} left`;
  return `${(fraction * 100).toFixed(0).padStart(3)} % ${stage}${eta}`;
}

function missing(flag: string, why: string): FailureError {
  return new FailureError({ code: 'flag-missing', message: `${flag} is missing: ${why}` });
}

function readCard(path: string): string {
  if (!existsSync(path)) throw new FailureError({ code: 'file-missing', message: `${path} does not exist.` });
  const text = readFileSync(path, 'utf8');
  unwrap(parseQualityCard(text, path));
  return text;
}

function cardOf(flags: ElasticizeFlags, model: SourceModel): CardStage | null {
  if (flags.cardFile !== undefined) {
    const text = readCard(flags.cardFile);
    return () => Promise.resolve(text);
  }
  return flags.card ? cardStage(model, dataFolder()) : null;
}

function levelShape({ levels, segments, attention }: ElasticizeFlags): LevelShapeOptions {
  const shape = { policy: levels, attentionUnit: attention };
  if (segments === undefined || levels === 'paper') return shape;
  return levels === 'even'
    ? { ...shape, policy: levels, cellsPerMlp: segments }
    : { ...shape, policy: levels, cuts: { cells: segments } };
}

function optionsOf(
  flags: ElasticizeFlags,
  out: string,
  model: SourceModel,
  recipe: LoadedRecipe | null,
  device: ComputeDevice,
): ElasticizeOptions {
  const target = resolve(out);
  return {
    model,
    out,
    variant: flags.variant,
    recipe,
    recipeOut: flags.recipeOut ?? null,
    alsoRecord: flags.recipeOut === undefined ? [] : (flags.record ?? variantSchema.options),
    criterion: flags.criterion,
    levels: levelShape(flags),
    recovery: flags.recovery,
    ...recoveryShape(flags),
    card: cardOf(flags, model),
    seed: flags.seed,
    dataFolder: recipe === null ? dataFolderToLearnFrom() : dataFolder(),
    work: {
      folder: flags.work ?? join(dirname(target), `.${basename(target)}.work`),
      keep: flags.work !== undefined,
    },
    device,
    command: recordedCommand(flags, device),
    toolVersion: BUNGEE_VERSION,
  };
}

function sayLevels(manifest: BundleManifest): void {
  for (const { level, decoderRatio, quality } of manifest.levels)
    say(
      `level ${level}: ${(decoderRatio * 100).toFixed(1)} % of the decoder, perplexity ${quality?.perplexity.toFixed(1) ?? 'not measured'}`,
    );
  const { measuredOn } = manifest.madeBy;
  if (measuredOn !== undefined)
    say(
      `These are other weights (${manifest.madeBy.source.format}) than the recipe's (${measuredOn.format}): nothing was measured on them.`,
    );
}

const program = elasticizeProgram();

await runCommand(program, async (signal) => {
  const flags = program.opts<ElasticizeFlags>();
  if (flags.verify === true && flags.recipe === undefined)
    throw missing('--recipe', 'what is to be verified?');
  if (flags.verify !== true && flags.out === undefined) throw missing('--out', 'the folder of the bundle.');
  const recipe = flags.recipe === undefined ? null : unwrap(await readRecipe(flags.recipe));
  const model = await openModel(flags.model, signal);
  try {
    if (flags.verify === true && recipe !== null) {
      await verify(flags, recipe, model, signal);
      return;
    }
    // A recipe's bundle is written, not learned.
    const device = recipe === null ? await openDevice(flags.device) : 'cpu';
    const progress = throttledSay();
    const made = await elasticize(
      optionsOf(flags, flags.out ?? '', model, recipe, device),
      (step) => progress(describe(step), step.fraction === 1),
      signal,
    );
    if (!made.ok && made.failure.code === 'cancelled') say(describeFailure(made.failure));
    const manifest = unwrap(made);
    if (flags.json === true) await printJson(manifest);
    else sayLevels(manifest);
  } finally {
    model.close();
  }
});
