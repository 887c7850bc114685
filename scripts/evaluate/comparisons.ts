import { Command, Option } from 'commander';
import { dirname, join, resolve } from 'node:path';
import type { Level } from '../../core/level.ts';
import { fail, unwrap } from '../../core/result.ts';
import { writeFileAtomic } from '../../electron/files/atomic-file.ts';
import {
  openModelText,
  readBundleCard,
  readBundleManifest,
  withComparisons,
} from '../../offline/evaluation/index.ts';
import {
  DEFAULT_EXTENT,
  heldOutSet,
  measureComparisons,
  readRecipe,
  RECOVERY_METHODS,
  type DeviceChoice,
  type RecoveryMethod,
} from '../../offline/index.ts';
import { openModel } from '../elasticize/open-model.ts';
import { printJson, say, throttledSay } from '../shared/command-line.ts';
import { dataFolder } from '../shared/data-folder.ts';
import { deviceFlag, openDevice } from '../shared/device-flag.ts';

export interface ComparisonFlags {
  readonly recipe: string;
  readonly bundle: string;
  readonly out: string;
  readonly model?: string;
  readonly recovery: Exclude<RecoveryMethod, 'none'>;
  readonly at: readonly Level[];
  readonly device: DeviceChoice;
  readonly work?: string;
  readonly json?: true;
}

/** Declares `evaluate comparisons`. */
export function comparisonsCommand(levelList: (text: string) => Level[]): Command {
  return new Command('comparisons')
    .description(
      'train and measure what the levels compare with: the full model with the same recovery, dropped layers, magnitude',
    )
    .requiredOption('--recipe <dir>', 'recipe of the bundle')
    .requiredOption('--bundle <dir>', 'bundle with its quality card')
    .requiredOption('--out <file>', 'the card with the comparisons')
    .option('--model <gguf|folder|hub id>', 'base weights (default: the default model)')
    .addOption(
      new Option('--recovery <method>', 'how the levels were trained')
        .choices(RECOVERY_METHODS.filter((method) => method !== 'none'))
        .default('mixed'),
    )
    .option('--at <list>', 'sizes to compare at', levelList, [80, 60])
    .addOption(deviceFlag())
    .option('--work <dir>', 'checkpoints (default: beside --out)')
    .option('--json', 'print the comparisons as one JSON line');
}

export async function evaluateComparisons(flags: ComparisonFlags, signal: AbortSignal): Promise<void> {
  const recipe = unwrap(await readRecipe(flags.recipe));
  const manifest = unwrap(readBundleManifest(flags.bundle));
  const { card, note } = readBundleCard(flags.bundle, manifest);
  if (card === null) {
    unwrap(fail('no-card', `${flags.bundle} has no quality card: ${note ?? ''}`, 'Elasticize with a card.'));
    return;
  }
  const model = await openModel(flags.model, signal);
  try {
    const text = unwrap(openModelText(flags.bundle, manifest));
    const device = await openDevice(flags.device);
    const progress = throttledSay(2000);
    const comparisons = unwrap(
      await measureComparisons(
        {
          model,
          learned: recipe.learned,
          bundle: { folder: flags.bundle, manifest },
          set: heldOutSet(model, text, dataFolder(), DEFAULT_EXTENT),
          method: flags.recovery,
          at: flags.at,
          device,
          dataFolder: dataFolder(),
          workFolder: flags.work ?? join(dirname(resolve(flags.out)), '.comparisons'),
        },
        (stage, fraction) => progress(`${(fraction * 100).toFixed(0).padStart(3)} % ${stage}`),
        signal,
      ),
    );
    await writeFileAtomic(flags.out, `${JSON.stringify(withComparisons(card, comparisons), null, 1)}\n`);
    if (flags.json === true) await printJson(comparisons);
    else
      for (const { kind, level, figures } of comparisons)
        say(
          `${kind} at ${level}: perplexity ${Object.values(figures.perplexity)
            .map((value) => value.toFixed(2))
            .join(', ')}`,
        );
  } finally {
    model.close();
  }
}
