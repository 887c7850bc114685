import { existsSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { variantSchema, type Variant } from '../core/bundle-manifest.ts';
import { unwrap } from '../core/result.ts';
import { elasticize, fetchHubModel, isHubId, openSourceModel, type Progress } from '../offline/index.ts';
import { printJson, runCommand, say, throttledSay } from './shared/command-line.ts';
import { dataFolder } from './shared/data-folder.ts';
import { cacheFolder } from './shared/folders.ts';
import { BUNGEE_VERSION } from './shared/version.ts';

function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least)
      throw new InvalidArgumentError(`must be a whole number from ${least}`);
    return value;
  };
}

interface Options {
  model: string;
  out: string;
  variant: Variant;
  segments: number;
  seed: number;
  json?: true;
}

function describe({ stage, fraction, etaSeconds }: Progress): string {
  const eta = etaSeconds === null ? '' : `, ${Math.ceil(etaSeconds)} s left`;
  return `${(fraction * 100).toFixed(0).padStart(3)} % ${stage}${eta}`;
}

const program = new Command('elasticize')
  .description('make an elastic bundle from a Llama-family model')
  .requiredOption('--model <gguf|folder|hub id>', 'weights to start from')
  .requiredOption('--out <dir>', 'folder of the bundle')
  .addOption(
    new Option('--variant <name>', 'how weights are stored').choices(variantSchema.options).default('int8'),
  )
  .option('--segments <n>', 'MLP segments per layer before merging', wholeNumber(1), 3)
  .option('--seed <n>', 'seed', wholeNumber(0), 0)
  .option('--json', 'print the manifest as one JSON line');

await runCommand(program, async (signal) => {
  const options = program.opts<Options>();
  const path =
    !existsSync(options.model) && isHubId(options.model)
      ? unwrap(
          await fetchHubModel(options.model, cacheFolder('hub'), (file) => say(`fetching ${file}`), signal),
        )
      : options.model;
  const model = unwrap(await openSourceModel(path, signal));
  try {
    const progress = throttledSay();
    const manifest = unwrap(
      await elasticize(
        {
          model,
          out: options.out,
          variant: options.variant,
          seed: options.seed,
          segmentsPerLayer: options.segments,
          dataFolder: dataFolder(),
          command: `elasticize --variant ${options.variant} --segments ${options.segments} --seed ${options.seed}`,
          toolVersion: BUNGEE_VERSION,
        },
        (step) => progress(describe(step), step.fraction === 1),
        signal,
      ),
    );
    if (options.json === true) await printJson(manifest);
    else
      for (const level of manifest.levels)
        say(
          `level ${level.level}: ${(level.decoderRatio * 100).toFixed(1)} % of the decoder, perplexity ${level.quality?.perplexity.toFixed(1) ?? 'not measured'}`,
        );
  } finally {
    model.close();
  }
});
