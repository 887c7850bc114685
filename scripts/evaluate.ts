import { Command, InvalidArgumentError } from 'commander';
import type { BundleManifest } from '../core/bundle-manifest.ts';
import { isLevel, LEVELS, type Level } from '../core/level.ts';
import type { QualityFigures } from '../core/quality-card.ts';
import { fail, unwrap } from '../core/result.ts';
import {
  CONVENTIONS,
  DEFAULT_LIMITS,
  evaluateLevels,
  openModelText,
  readBundleCard,
  readBundleManifest,
  readEvaluationSet,
  runtimeDescription,
  type EvaluationFiles,
  type EvaluationLimits,
  type LevelsEvaluation,
} from '../offline/evaluation/index.ts';
import { comparisonsCommand, evaluateComparisons, type ComparisonFlags } from './evaluate/comparisons.ts';
import { compressionCommand, evaluateCompression, type CompressionFlags } from './evaluate/compression.ts';
import { evaluateStrategies, strategiesCommand, type StrategyFlags } from './evaluate/strategies.ts';
import { printJson, runCommand, say, throttledSay } from './shared/command-line.ts';
import { hostDescription } from './shared/host-description.ts';
import { wholeNumberFrom } from './shared/flag-values.ts';

interface Options {
  bundle: string;
  reference?: string;
  text: string[];
  multipleChoice: string[];
  droidtask: string[];
  apps?: string[];
  levels?: Level[];
  limit: number;
  windows?: number;
  windowTokens: number;
  json?: true;
}

function levelList(text: string): Level[] {
  return text.split(',').map((part) => {
    const level = Number(part);
    if (!isLevel(level)) throw new InvalidArgumentError(`levels are ${LEVELS.join(', ')}`);
    return level;
  });
}

function filesOf(options: Options): EvaluationFiles {
  const files = (paths: readonly string[]): { name: string; path: string }[] =>
    [...new Set(paths)].map((path) => ({ name: path, path }));
  return {
    texts: files(options.text),
    multipleChoice: files(options.multipleChoice),
    droidTask: files(options.droidtask),
    apps: options.apps,
  };
}

function printTable({ levels, reference, inputs }: LevelsEvaluation): void {
  for (const { name, kind, sampling } of inputs) {
    say(`\n${name} (${sampling})`);
    const line = (head: string, { perplexity, kl, accuracy }: QualityFigures): void => {
      const own = accuracy[name];
      if (kind === 'text')
        say(
          `  ${head}: perplexity ${perplexity[name]?.toFixed(2) ?? '–'}, KL ${kl[name]?.toFixed(3) ?? '–'}`,
        );
      else if (own !== undefined)
        say(
          `  ${head}: acc ${(own.acc * 100).toFixed(1)} ± ${(own.stderr * 100).toFixed(1)}, ` +
            `per byte ${(own.accNorm * 100).toFixed(1)} ± ${(own.stderrNorm * 100).toFixed(1)} (n ${own.n})`,
        );
    };
    for (const level of levels)
      line(
        `level ${String(level.level).padStart(3)}, ${(level.decoderRatio * 100).toFixed(1).padStart(5)} % of the decoder`,
        level,
      );
    if (reference !== null) line('reference', reference);
  }
}

async function evaluate(options: Options, signal: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  const host = hostDescription();
  const files = filesOf(options);
  if ([...options.text, ...options.multipleChoice, ...options.droidtask].length === 0)
    unwrap(fail('nothing-to-measure', 'Name a file with --text, --multiple-choice or --droidtask.'));
  const limits: EvaluationLimits = {
    windowTokens: options.windowTokens,
    windows: options.windows ?? (options.limit === 0 ? 0 : DEFAULT_LIMITS.windows),
    items: options.limit,
  };
  const manifest: BundleManifest = unwrap(readBundleManifest(options.bundle));
  const reference =
    options.reference === undefined
      ? undefined
      : { folder: options.reference, manifest: unwrap(readBundleManifest(options.reference)) };
  const text = unwrap(openModelText(options.bundle, manifest));
  const set = unwrap(readEvaluationSet(files, text, limits));
  const progress = throttledSay(2000);
  const evaluation = unwrap(
    await evaluateLevels(
      { folder: options.bundle, manifest, reference, set, levels: options.levels },
      ({ stage, fraction, etaSeconds }) => {
        const eta = etaSeconds === null ? '' : `, ${Math.ceil(etaSeconds)} s left`;
        progress(`${(fraction * 100).toFixed(0).padStart(3)} % ${stage}${eta}`, fraction === 1);
      },
      signal,
    ),
  );
  if (options.json !== true) return printTable(evaluation);
  const { card, note } = readBundleCard(options.bundle, manifest);
  await printJson({
    levels: evaluation.levels,
    reference: evaluation.reference,
    control: card?.control ?? null,
    baselines: card?.baselines ?? [],
    cardNote: note,
    bundle: { id: manifest.bundleId, name: manifest.name, variant: manifest.variant },
    inputs: evaluation.inputs,
    limits,
    conventions: CONVENTIONS,
    environment: { ...host, ...runtimeDescription() },
    seconds: (performance.now() - startedAt) / 1000,
    tokens: evaluation.tokensRun,
  });
}

const program = new Command('evaluate')
  .description('Measure what the levels of a bundle are worth.')
  .exitOverride()
  .showHelpAfterError();
let chosen: ((signal: AbortSignal) => Promise<void>) | null = null;
program
  .command('levels')
  .description('perplexity, divergence from the full level and accuracy of every level')
  .requiredOption('--bundle <dir>', 'bundle folder')
  .option(
    '--reference <dir>',
    'a bundle whose full level divergences are from, e.g. of the model as it came (default: the full level of --bundle)',
  )
  .option('--text <file...>', 'running text (.txt) or documents (.jsonl, .json): perplexity and KL', [])
  .option('--multiple-choice <file...>', '{query, choices, gold} (.jsonl) or LLM-Adapters form (.json)', [])
  .option('--droidtask <file...>', 'DroidTask steps by app (.json)', [])
  .option('--apps <list>', 'DroidTask: only these apps, separated by commas', (list) => list.split(','))
  .option('--levels <list>', 'only these levels, separated by commas', levelList)
  .option(
    '--limit <n>',
    'items of each multiple-choice and DroidTask file, evenly spread; 0 = everything of every file',
    wholeNumberFrom(0),
    DEFAULT_LIMITS.items,
  )
  .option(
    '--windows <n>',
    `windows of each text, evenly spread; 0 = all (default: ${DEFAULT_LIMITS.windows})`,
    wholeNumberFrom(0),
  )
  .option('--window-tokens <n>', 'tokens of a window', wholeNumberFrom(2), DEFAULT_LIMITS.windowTokens)
  .option('--json', 'print the result as one JSON line')
  .action((options: Options) => {
    chosen = (signal) => evaluate(options, signal);
  });

program.addCommand(
  comparisonsCommand(levelList).action((flags: ComparisonFlags) => {
    chosen = (signal) => evaluateComparisons(flags, signal);
  }),
);

program.addCommand(
  strategiesCommand().action((flags: StrategyFlags) => {
    chosen = (signal) => evaluateStrategies(flags, signal);
  }),
);

program.addCommand(
  compressionCommand().action((flags: CompressionFlags) => {
    chosen = (signal) => evaluateCompression(flags, signal);
  }),
);

await runCommand(program, async (signal) => {
  if (chosen === null) program.help();
  else await chosen(signal);
});
