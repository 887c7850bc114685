import { mkdirSync } from 'node:fs';
import { fail, unwrap, type Result } from '../../core/result.ts';
import { DEFAULT_TLM_CONFIG } from '../../core/tlm.ts';
import { openLevels, type OpenLevels } from '../evaluation/bundle-levels.ts';
import { openModelText } from '../evaluation/model-text.ts';
import { StageProgress, type OnProgress } from '../progress.ts';
import { appRequests } from './decision/app-requests.ts';
import { EmbeddingRows } from './embedding-rows.ts';
import { longestPrompt, trainingFiles, trainingRequests } from './requests/request-sets.ts';
import { scorePrompts } from './requests/score-prompts.ts';
import { levelsIdentity } from './strategies/index.ts';
import {
  STAGE_SECONDS,
  trainOnOutcomes,
  type TlmStages,
  type TlmTrainingOptions,
  type TrainedHeads,
} from './train-on-outcomes.ts';
import { trainScoreHead } from './train-score-head.ts';

/** Longest prompt of the score head's, tokens: what runs can afford. */
const SCORE_TOKENS = 400;
/** Prompts that the score head sees for each that is measured. */
const SEEN_TIMES = 4;
/** Score prompts are drawn by a seed of their own. */
const SCORE_SEED = 17;
/**
 * Trains both heads: score head by compressions that were run, then what every strategy makes of training requests,
 * then the decision head on that. Killed and called again with the same work folder it ends with the same parameters. Failures: those of
 * the readers and of the score head, `bundle-corrupt`, `cancelled`.
 */
export async function trainBothHeads(
  options: TlmTrainingOptions,
  onProgress: OnProgress = () => undefined,
  signal?: AbortSignal,
): Promise<Result<TrainedHeads>> {
  const { folder, manifest } = options.bundle;
  mkdirSync(options.workFolder, { recursive: true });
  const open = await openLevels(folder, manifest);
  if (!open.ok) return open;
  try {
    return await trainOver(options, open.value, new StageProgress(STAGE_SECONDS, onProgress), signal);
  } catch (error) {
    if (signal?.aborted === true)
      return fail('cancelled', 'Training was cancelled.', 'The same command goes on from here.');
    throw error;
  } finally {
    await open.value.close();
  }
}

async function trainOver(
  options: TlmTrainingOptions,
  open: OpenLevels,
  progress: TlmStages,
  signal: AbortSignal | undefined,
): Promise<Result<TrainedHeads>> {
  const { model, bundle, dataFolder, workFolder, seed } = options;
  const config = options.config ?? DEFAULT_TLM_CONFIG;
  const text = unwrap(openModelText(bundle.folder, bundle.manifest));
  const paths = trainingFiles(dataFolder);
  const requests = trainingRequests(paths, text, {
    perSet: options.requests,
    seed,
    maxTokens: longestPrompt(text.contextLength),
    // Recovery has seen the answers of `training`: levels would look better than they are.
    slices: ['selection', 'heldOut'],
  });
  if (!requests.ok) return requests;
  const apps = appRequests(text, { perSet: 0, seed, maxTokens: longestPrompt(text.contextLength) });
  const promptsOf = (perSet: number): ReturnType<typeof scorePrompts> =>
    scorePrompts(dataFolder, text, {
      perSet,
      seed: seed + SCORE_SEED,
      maxTokens: Math.min(SCORE_TOKENS, longestPrompt(text.contextLength)),
    });
  const measured = promptsOf(options.prompts);
  if (!measured.ok) return measured;
  const prompts = promptsOf(options.prompts * SEEN_TIMES);
  if (!prompts.ok) return prompts;
  const full = open.levels.at(-1);
  if (full === undefined) throw new RangeError('a bundle without levels');
  const score = await trainScoreHead(
    {
      source: full.source,
      identity: levelsIdentity(bundle.manifest),
      embedding: EmbeddingRows.of(model),
      measured: measured.value,
      prompts: prompts.value,
      workFolder,
      config,
      seed: seed + 1,
    },
    (fraction) => progress.at('score head', fraction),
    signal,
  );
  if (!score.ok) return score;
  const learned = {
    parameters: score.value.parameters,
    method: `what ${measured.value.length} prompts lose without parts of them, seen on ${prompts.value.length}`,
  };
  return trainOnOutcomes(options, learned, [...requests.value, ...apps], open, progress, signal);
}
