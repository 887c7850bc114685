import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom, shuffled } from '../../core/random.ts';
import { DEFAULT_TLM_CONFIG, type TlmConfig } from '../../core/tlm.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { OnFraction } from '../pipeline/stages.ts';
import type { SourceModel } from '../sources/source-model.ts';
import { TrainingWeights } from '../training/training-weights.ts';
import { EmbeddingRows } from './embedding-rows.ts';
import { labelPrompts } from './labels/label-prompts.ts';
import { scoreExamples } from './labels/score-examples.ts';
import type { AnsweredPrompt } from './requests/answered-prompt.ts';
import { initialTlmParameters } from './tlm-parameters.ts';
import { scoreTask } from './tlm-task.ts';
import { TlmTrainer } from './tlm-trainer.ts';
import { packBatches, tlmBatches, trainTlm, type TrainedTlm } from './train-tlm.ts';

export interface ScoreHeadOptions {
  readonly model: SourceModel;
  /** What it learns from; the slices that it is judged by are not among them. */
  readonly prompts: readonly AnsweredPrompt[];
  /** Labels and checkpoints lie here; a killed run goes on from them. */
  readonly workFolder: string;
  readonly config?: TlmConfig;
  readonly epochs?: number;
  readonly learningRate?: number;
  readonly seed?: number;
}

/** Rows of a training batch. */
const ROWS = 8;
/** One prompt in so many chooses when to stop. */
const HELD_OUT_EVERY = 8;
export const SCORE_EPOCHS = 24;
export const SCORE_LEARNING_RATE = 1e-3;
/** Share of the time that labels take, for progress. */
const LABEL_SHARE = 0.8;

/**
 * Labels the prompts by the uncut model's saliency, and trains the score head and the layers below it on them; the
 * parameters of the decision head stay random. Killed and called again it ends with the same. Failure
 * `data-empty` where fewer than two prompts could be labelled.
 */
export async function trainScoreHead(
  options: ScoreHeadOptions,
  onFraction: OnFraction,
  signal?: AbortSignal,
): Promise<Result<TrainedTlm>> {
  const { model, prompts, workFolder, config = DEFAULT_TLM_CONFIG, seed = 1 } = options;
  const epochs = options.epochs ?? SCORE_EPOCHS;
  const peak = options.learningRate ?? SCORE_LEARNING_RATE;
  mkdirSync(workFolder, { recursive: true });
  const weights = TrainingWeights.write(model, null, join(workFolder, 'weights'), () => {
    signal?.throwIfAborted();
  });
  const labels = await labelPrompts(
    prompts,
    { weights, modelSha256: model.sha256, folder: workFolder },
    (fraction) => {
      onFraction(fraction * LABEL_SHARE);
    },
    signal,
  ).finally(() => {
    weights.remove();
  });
  const examples = shuffled(scoreExamples(config, prompts, labels, seed), seededRandom(seed));
  if (examples.length < 2)
    return fail('data-empty', `Only ${examples.length} prompts could be labelled.`, 'Name more data.');
  const heldOut = examples.filter((_, i) => i % HELD_OUT_EVERY === 0);
  const training = examples.filter((_, i) => i % HELD_OUT_EVERY !== 0);
  const embedding = EmbeddingRows.of(model);
  const trainer = await TlmTrainer.open({ config, embedding, task: scoreTask(), rows: ROWS });
  try {
    const room = { rows: ROWS, examples: ROWS };
    const perEpoch = packBatches(training, room).length;
    const steps = perEpoch * epochs;
    const identity = createHash('sha256')
      .update(JSON.stringify([model.sha256, config, seed, epochs, peak, ROWS]))
      .update(Buffer.concat(examples.map(({ targets }) => Buffer.from(targets.buffer))))
      .digest('hex');
    const trained = await trainTlm({
      trainer,
      parameters: initialTlmParameters(config, embedding.size, seed),
      batchAt: tlmBatches(training, room, seed),
      steps,
      learningRate: { peak, warmUpSteps: perEpoch, floor: 0.05 },
      heldOut: { batches: packBatches(heldOut, room), every: perEpoch },
      checkpoint: { path: join(workFolder, 'score-head.bin'), identity, every: perEpoch },
      onStep: ({ step }) => {
        onFraction(LABEL_SHARE + ((1 - LABEL_SHARE) * step) / steps);
      },
      ...(signal === undefined ? {} : { signal }),
    });
    return ok(trained);
  } finally {
    await trainer.close();
  }
}
