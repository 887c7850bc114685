import { Command } from 'commander';
import { basename, dirname, join, resolve } from 'node:path';
import { FailureError, unwrap } from '../core/result.ts';
import { readBundleManifest } from '../offline/evaluation/index.ts';
import { readRecipe, withTlm } from '../offline/index.ts';
import { describeRule } from '../offline/tlm/decision/train-decision-head.ts';
import { trainBothHeads } from '../offline/tlm/train-both-heads.ts';
import { openModel } from './elasticize/open-model.ts';
import { printJson, runCommand, say, throttledSay } from './shared/command-line.ts';
import { dataFolder } from './shared/data-folder.ts';
import { readProfile } from './shared/read-profile.ts';
import { wholeNumberFrom } from './shared/flag-values.ts';

interface Options {
  recipe: string;
  bundle: string;
  out: string;
  model?: string;
  work?: string;
  profile?: string;
  seed: number;
  requests: number;
  prompts: number;
  json?: true;
}

const program = new Command('train-tlm')
  .description('train the tiny language model of a recipe; goes on where it was stopped')
  .requiredOption('--recipe <dir>', 'recipe whose levels it is for')
  .requiredOption('--bundle <dir>', 'bundle made from that recipe: its levels are run')
  .requiredOption('--out <dir>', 'folder of the recipe with the TLM')
  .option('--model <gguf|folder|hub id>', 'weights of the recipe (default: the default model)')
  .option('--work <dir>', 'labels, outcomes and checkpoints (default: beside --out)')
  .option('--profile <file>', "a phone's latency profile to judge by (default: this computer is measured)")
  .option('--seed <n>', 'seed', wholeNumberFrom(0), 0)
  .option('--requests <n>', 'requests of each training set whose strategies are run', wholeNumberFrom(2), 20)
  .option(
    '--prompts <n>',
    'prompts of each training set that the score head is measured on',
    wholeNumberFrom(2),
    40,
  )
  .option('--json', 'print what was trained as one JSON line');

await runCommand(program, async (signal) => {
  const options = program.opts<Options>();
  const startedAt = performance.now();
  const data = dataFolder();
  if (data === null)
    throw new FailureError({
      code: 'no-data',
      message: 'There is no data folder to train on.',
      remedy: 'Name one in BUNGEE_DATA.',
    });
  const loaded = unwrap(await readRecipe(options.recipe));
  const manifest = unwrap(readBundleManifest(options.bundle));
  const model = await openModel(options.model, signal);
  try {
    const { seed, requests, prompts } = options;
    const target = resolve(options.out);
    const tell = throttledSay(10_000);
    const trained = unwrap(
      await trainBothHeads(
        {
          model,
          bundle: { folder: options.bundle, manifest },
          dataFolder: data,
          workFolder: options.work ?? join(dirname(target), `.${basename(target)}.work`),
          seed,
          requests,
          prompts,
          ...(options.profile === undefined ? {} : { profile: unwrap(readProfile(options.profile)) }),
        },
        ({ stage, fraction, etaSeconds }) =>
          tell(
            `${(fraction * 100).toFixed(0).padStart(3)} % ${stage}${etaSeconds === null ? '' : `, ${Math.ceil(etaSeconds / 60)} min left`}`,
          ),
        signal,
      ),
    );
    const { rule, tried } = trained.decision;
    for (const { rule: each, judged } of tried)
      say(
        `labels "${describeRule(each)}": probability of the right answer ${judged.probability.toFixed(3)} held out, ${(judged.passed * 100).toFixed(0)} % of the proposals pass the guard`,
      );
    say(`labels: ${describeRule(rule)}`);
    const recipe = unwrap(
      await withTlm(
        loaded,
        {
          model,
          tlm: trained.tlm,
          data: trained.data,
          command: `train-tlm --seed ${seed} --requests ${requests} --prompts ${prompts}`,
          out: options.out,
        },
        (fraction) => tell(`    bundles of the recipe, ${(fraction * 100).toFixed(0)} %`),
        signal,
      ),
    );
    say(`recipe: ${options.out}, TLM of ${(trained.tlm.bytes.length / 1e6).toFixed(1)} MB`);
    if (options.json === true)
      await printJson({
        tlm: recipe.tlm,
        decision: trained.decision,
        labelled: trained.labelled,
        seconds: (performance.now() - startedAt) / 1000,
      });
  } finally {
    model.close();
  }
});
