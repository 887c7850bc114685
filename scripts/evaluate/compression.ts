import { Command, InvalidArgumentError } from 'commander';
import { fail, unwrap } from '../../core/result.ts';
import { openTlm } from '../../device-agent/tlm/tlm.ts';
import {
  measureCompression,
  type CompressionLoss,
  type MeanLoss,
} from '../../offline/evaluation/compression-loss.ts';
import {
  openLevels,
  openModelText,
  readBundleManifest,
  runtimeDescription,
} from '../../offline/evaluation/index.ts';
import { otherSelectors } from '../../offline/evaluation/strategies/index.ts';
import { evaluationFiles, evaluationRequests } from '../../offline/tlm/requests/request-sets.ts';
import { printJson, say, throttledSay } from '../shared/command-line.ts';
import { dataFolder } from '../shared/data-folder.ts';
import { wholeNumberFrom } from '../shared/flag-values.ts';
import { hostDescription } from '../shared/host-description.ts';

export interface CompressionFlags {
  readonly bundle: string;
  readonly data?: readonly string[];
  readonly limit: number;
  readonly promptLevel: number;
  readonly seed: number;
  readonly json?: true;
}

function promptLevelFlag(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('must lie between 0 and 1');
  return value;
}

/** Declares `evaluate compression`. */
export function compressionCommand(): Command {
  return new Command('compression')
    .description(
      'loss of the right answer after compressed prompts: score head, random words, first words, self-information',
    )
    .requiredOption('--bundle <dir>', 'bundle with a TLM')
    .option(
      '--data <file...>',
      'multiple choice (.jsonl), DroidTask (.json), Octopus (.csv), LlamaTouch (.tsv); default: all of the data folder',
    )
    .option('--limit <n>', 'requests of each file, in a seeded order; 0 = all', wholeNumberFrom(0), 40)
    .option('--prompt-level <p>', 'share of the prompt that stays', promptLevelFlag, 0.5)
    .option('--seed <n>', 'seed of the choice of requests and examples', wholeNumberFrom(0), 0)
    .option('--json', 'print the result as one JSON line');
}

function printTable({ promptLevel, requests, keptShare, whole, selectors }: CompressionLoss): void {
  const figure = ({ mean, stderr }: MeanLoss): string => `${mean.toFixed(3)} ± ${stderr.toFixed(3)}`;
  say(
    `${requests} requests at prompt level ${promptLevel} (${(keptShare * 100).toFixed(0)} % of the tokens stay); nats per token of the right answer`,
  );
  say(`  ${'whole prompt'.padEnd(18)} ${figure(whole)}`);
  for (const entry of selectors)
    say(
      `  ${entry.selector.padEnd(18)} ${figure(entry)}, behind the score head ${figure(entry.behindFirst)}`,
    );
}

export async function evaluateCompression(flags: CompressionFlags, signal: AbortSignal): Promise<void> {
  const host = hostDescription();
  const manifest = unwrap(readBundleManifest(flags.bundle));
  const files = flags.data ?? evaluationFiles(dataFolder() ?? '');
  if (files.length === 0)
    unwrap(fail('nothing-to-measure', 'There is no data folder: name files with --data.'));
  if (manifest.tlm === undefined) {
    unwrap(fail('no-tlm', `${flags.bundle} has no TLM.`, 'Train one with `npm run train-tlm`.'));
    return;
  }
  const text = unwrap(openModelText(flags.bundle, manifest));
  const requests = unwrap(evaluationRequests(files, text, { perSet: flags.limit, seed: flags.seed }));
  const open = unwrap(await openLevels(flags.bundle, manifest));
  const tlm = unwrap(await openTlm(flags.bundle, manifest.tlm, manifest.model.vocabSize));
  try {
    const source = open.levels.at(-1)?.source;
    if (source === undefined) throw new RangeError('a bundle without levels');
    const progress = throttledSay(5000);
    const measured = unwrap(
      await measureCompression(
        {
          source,
          requests,
          promptLevel: flags.promptLevel,
          selectors: [
            {
              name: 'score-head',
              scores: async ({ prompt }) =>
                (await tlm.ask({ ...prompt, ratios: { ttft: flags.promptLevel, tpot: null } })).wordScores,
            },
            ...otherSelectors(source),
          ],
        },
        ({ stage, fraction }) => {
          progress(`${(fraction * 100).toFixed(0).padStart(3)} % ${stage}`, fraction === 1);
        },
        signal,
      ),
    );
    if (flags.json !== true) printTable(measured);
    else
      await printJson({
        ...measured,
        files,
        limit: flags.limit,
        seed: flags.seed,
        bundle: { id: manifest.bundleId, name: manifest.name, variant: manifest.variant },
        environment: { ...host, ...runtimeDescription() },
      });
  } finally {
    await tlm.dispose();
    await open.close();
  }
}
