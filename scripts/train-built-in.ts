import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { Command } from 'commander';
import { FailureError, unwrap } from '../core/result.ts';
import { writeFileAtomic } from '../electron/files/atomic-file.ts';
import {
  BUILT_IN_CONFIG,
  BUILT_IN_MODEL,
  BUILT_IN_TRAINING,
  type TrainingSettings,
} from '../offline/built-in/built-in-model.ts';
import { cutTokenizer } from '../offline/built-in/cut-tokenizer.ts';
import { trainedModel } from '../offline/built-in/export-model.ts';
import { builtInNotice, noticeFile } from '../offline/built-in/licence-notice.ts';
import { readLicensedTexts } from '../offline/built-in/licensed-text.ts';
import { splitDocuments, TokenWindows } from '../offline/built-in/token-windows.ts';
import { trainBuiltIn, type TrainingStep } from '../offline/built-in/train-built-in.ts';
import { openSourceModel } from '../offline/index.ts';
import { writeGguf } from '../offline/sources/gguf-writer.ts';
import { baseWeights } from './shared/base-weights.ts';
import { printJson, runCommand, say, throttledSay } from './shared/command-line.ts';
import { dataFolder } from './shared/data-folder.ts';
import { cacheFolder, PROJECT_FOLDER } from './shared/folders.ts';
import { positiveNumber, wholeNumber } from './shared/phone-flags.ts';

interface Options {
  steps: number;
  seed: number;
  learningRate: number;
  decayShare: number;
  threads: number;
  work: string;
  out: string;
  json?: true;
}

/** Held-out loss and the mean of the losses since it was last measured. */
function narrate(): (step: TrainingStep) => void {
  const tell = throttledSay(10_000);
  return ({ step, steps, loss, gradientNorm, heldOutLoss, etaSeconds }) => {
    const held = heldOutLoss === null ? '' : `, held out ${heldOutLoss.toFixed(3)}`;
    const line = `step ${step}/${steps}: loss ${loss.toFixed(3)}${held}, gradient ${gradientNorm.toFixed(2)}, ${Math.ceil(etaSeconds / 60)} min left`;
    tell(line, heldOutLoss !== null);
  };
}

const program = new Command('train-built-in')
  .description(`train ${BUILT_IN_MODEL} from random weights; goes on where it was stopped`)
  .option('--steps <n>', 'steps', wholeNumber, BUILT_IN_TRAINING.steps)
  .option('--seed <n>', 'seed', wholeNumber, BUILT_IN_TRAINING.seed)
  .option('--learning-rate <x>', 'peak learning rate', positiveNumber, BUILT_IN_TRAINING.learningRate)
  .option(
    '--decay-share <x>',
    'share of the steps, at the end, in which the learning rate falls',
    positiveNumber,
    BUILT_IN_TRAINING.decayShare,
  )
  .option('--threads <n>', 'ONNX Runtime threads; one repeats exactly', wholeNumber, 1)
  .option('--work <dir>', 'folder of the checkpoint', cacheFolder('train-built-in'))
  .option('--out <dir>', 'folder of the weights', join(PROJECT_FOLDER, 'assets', 'built-in'))
  .option('--json', 'print the figures as one JSON line');

await runCommand(program, async (signal) => {
  const options = program.opts<Options>();
  const { steps, seed, learningRate, decayShare } = options;
  const settings: TrainingSettings = { ...BUILT_IN_TRAINING, steps, seed, learningRate, decayShare };
  const folder = dataFolder();
  if (folder === null)
    throw new FailureError({
      code: 'no-data',
      message: 'There is no data folder to train on.',
      remedy: 'Name one in BUNGEE_DATA (its instruct and droidtask folders are read).',
    });
  const vocabulary = unwrap(await openSourceModel(unwrap(await baseWeights(signal)), signal));
  const source = cutTokenizer(vocabulary.tokenizer, BUILT_IN_CONFIG.vocabSize);
  vocabulary.close();
  const tokenizer = new Tokenizer(JSON.parse(source.json), {});
  const texts = unwrap(readLicensedTexts(folder));
  say(`text: ${texts.documents.length} documents, SHA-256 ${texts.sha256.slice(0, 12)}`);
  const documents = texts.documents.map((text) => tokenizer.encode(text).ids);
  const { windowTokens, heldOutWindows } = settings;
  const parts = splitDocuments(documents, heldOutWindows * windowTokens, seed);
  const training = new TokenWindows(parts.training, windowTokens);
  const heldOut = new TokenWindows(parts.heldOut, windowTokens);
  say(`text: ${training.tokens} tokens to train on, ${heldOut.tokens} held out`);
  const run = {
    config: BUILT_IN_CONFIG,
    settings,
    training,
    heldOut,
    dataSha256: texts.sha256,
    workFolder: options.work,
    threads: options.threads,
  };
  const trained = unwrap(await trainBuiltIn(run, narrate(), signal));
  mkdirSync(options.out, { recursive: true });
  const model = trainedModel(BUILT_IN_CONFIG, trained.parameters, source, builtInNotice());
  const path = join(options.out, `${BUILT_IN_MODEL}.Q8_0.gguf`);
  writeGguf(model, path, 'Q8_0');
  const { parameters: _weights, ...figures } = trained;
  const record = {
    ...figures,
    heldOutPerplexity: Math.exp(trained.heldOutLoss),
    parameters: trained.parameters.length,
    documents: documents.length,
    trainingTokens: training.tokens,
    heldOutTokens: heldOut.tokens,
    dataSha256: texts.sha256,
    weightsSha256: model.sha256,
    settings,
  };
  await writeFileAtomic(join(options.out, 'NOTICE'), noticeFile());
  await writeFileAtomic(join(options.out, 'training.json'), `${JSON.stringify(record, null, 2)}\n`);
  say(`weights: ${path}, held-out perplexity ${record.heldOutPerplexity.toFixed(1)}`);
  if (options.json === true) await printJson(record);
});
