import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom, shuffled } from '../../core/random.ts';
import { DEFAULT_TLM_CONFIG, type TlmConfig } from '../../core/tlm.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { LogitsSource } from '../evaluation/logits-source.ts';
import type { OnFraction } from '../pipeline/stages.ts';
import type { EmbeddingRows } from './embedding-rows.ts';
import { fitWorth, trialRows } from './labels/fit-worth.ts';
import { runTrials } from './labels/left-out-runs.ts';
import { scoreExamples } from './labels/score-examples.ts';
import type { AnsweredPrompt } from './requests/answered-prompt.ts';
import { initialTlmParameters } from './tlm-parameters.ts';
import { scoreTask } from './tlm-task.ts';
import { TlmTrainer } from './tlm-trainer.ts';
import { packBatches, tlmBatches, trainTlm, type TrainedTlm } from './train-tlm.ts';

export interface ScoreHeadOptions {
  /** Runs compressed prompts: the full level. */
  readonly source: LogitsSource;
  /** Names that model. */
  readonly identity: string;
  readonly embedding: EmbeddingRows;
  /** Compressed and run, to find out what is worth keeping. */
  readonly measured: readonly AnsweredPrompt[];
  /** On which the head learns to see it; may hold the measured ones too. */
  readonly prompts: readonly Pick<AnsweredPrompt, 'prompt' | 'pieces'>[];
  /** Trials and checkpoints lie here; a killed run goes on from them. */
  readonly workFolder: string;
  readonly config?: TlmConfig;
  readonly epochs?: number;
  readonly seed?: number;
}

export const SCORE_EPOCHS = 4;
const LEARNING_RATE = { peak: 2e-3, floor: 0.05 } as const;
/** Rows of a training batch. */
const ROWS = 8;
/** One prompt in so many chooses when to stop. */
const HELD_OUT_EVERY = 12;
/** Steps between two looks at the held-out prompts. */
const LOOK_EVERY = 40;
/** Share of the time that trials take, for progress. */
const TRIAL_SHARE = 0.6;

/**
 * Trains the score head and the layers below it; the parameters of the decision head stay random. Some prompts are
 * compressed in several ways and run, a regression tells what their losses have to do with what was kept, and the
 * head learns to see that in any prompt. Killed and called again it ends with the same. Failure `data-empty` where
 * there are fewer than two prompts with something to drop.
 */
export async function trainScoreHead(
  options: ScoreHeadOptions,
  onFraction: OnFraction,
  signal?: AbortSignal,
): Promise<Result<TrainedTlm & { readonly worth: readonly number[] }>> {
  const {
    source,
    identity,
    embedding,
    measured,
    workFolder,
    config = DEFAULT_TLM_CONFIG,
    seed = 1,
  } = options;
  const epochs = options.epochs ?? SCORE_EPOCHS;
  mkdirSync(workFolder, { recursive: true });
  const prompts = shuffled(options.prompts, seededRandom(seed));
  const trials = await runTrials(
    measured,
    { source, identity, folder: workFolder },
    (fraction) => {
      onFraction(fraction * TRIAL_SHARE);
    },
    signal,
  );
  const worth = fitWorth(measured.flatMap((prompt, i) => trialRows(prompt, trials[i] ?? [])));
  const examples = scoreExamples(config, prompts, worth, seed);
  if (examples.length < 2)
    return fail('data-empty', `Only ${examples.length} prompts have something to drop.`, 'Name more data.');
  const heldOut = examples.filter((_, i) => i % HELD_OUT_EVERY === 0);
  const training = examples.filter((_, i) => i % HELD_OUT_EVERY !== 0);
  const trainer = await TlmTrainer.open({
    config,
    embedding,
    task: scoreTask(),
    rows: ROWS,
    width: Math.max(...examples.map(({ inputs }) => inputs.width)),
  });
  try {
    const room = { rows: ROWS, examples: ROWS };
    const steps = packBatches(training, room).length * epochs;
    const settings = createHash('sha256')
      .update(JSON.stringify([identity, config, seed, epochs, LEARNING_RATE, ROWS, worth]))
      .update(JSON.stringify(prompts.map(({ prompt }) => prompt.tokens)))
      .digest('hex');
    const trained = await trainTlm({
      trainer,
      parameters: initialTlmParameters(config, embedding.size, seed),
      batchAt: tlmBatches(training, room, seed),
      steps,
      learningRate: { ...LEARNING_RATE, warmUpSteps: Math.min(LOOK_EVERY, steps) },
      heldOut: { batches: packBatches(heldOut, room), every: LOOK_EVERY },
      checkpoint: { path: join(workFolder, 'score-head.bin'), identity: settings, every: LOOK_EVERY },
      onStep: ({ step }) => {
        onFraction(TRIAL_SHARE + ((1 - TRIAL_SHARE) * step) / steps);
      },
      ...(signal === undefined ? {} : { signal }),
    });
    return ok({ ...trained, worth });
  } finally {
    await trainer.close();
  }
}
