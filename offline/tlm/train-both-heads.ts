import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { BundleManifest } from '../../core/bundle-manifest.ts';
import { fail, ok, unwrap, type Result } from '../../core/result.ts';
import { DEFAULT_TLM_CONFIG, tlmInputs, type TlmConfig } from '../../core/tlm.ts';
import { wordScores } from '../../core/compress-prompt.ts';
import { hashFile } from '../bundle/hash-file.ts';
import { openLevels, type OpenLevels } from '../evaluation/bundle-levels.ts';
import { openModelText } from '../evaluation/model-text.ts';
import { StageProgress, type OnProgress } from '../progress.ts';
import type { LearnedTlm } from '../recipe/loaded-recipe.ts';
import type { SourceModel } from '../sources/source-model.ts';
import { decisionDevice } from './decision/decision-profile.ts';
import type { LabelledRequest } from './decision/labelled-request.ts';
import { strategyQuality } from './decision/strategy-quality.ts';
import { describeRule, trainDecisionHead, type TrainedDecision } from './decision/train-decision-head.ts';
import { EmbeddingRows } from './embedding-rows.ts';
import { trainingFiles, trainingRequests } from './requests/request-sets.ts';
import { scorePrompts } from './requests/score-prompts.ts';
import type { StrategyRequest } from './requests/strategy-request.ts';
import { labelOutcomes, levelsIdentity, OutcomeRunner, OutcomeStore } from './strategies/index.ts';
import { TlmRunner } from './tlm-runner.ts';
import { encodeTlm } from './tlm-parameters.ts';
import { trainScoreHead } from './train-score-head.ts';

export interface TlmTrainingOptions {
  /** Weights that bundle and recipe were made from. */
  readonly model: SourceModel;
  /** Bundle of the recipe that the TLM belongs to: its levels answer. */
  readonly bundle: { readonly folder: string; readonly manifest: BundleManifest };
  readonly dataFolder: string;
  readonly workFolder: string;
  readonly seed: number;
  /** Requests of each training set whose strategies are run. */
  readonly requests: number;
  /** Prompts of each training set that the score head learns from. */
  readonly prompts: number;
  readonly config?: TlmConfig;
  readonly steps?: { readonly trial: number; readonly final: number };
}

export interface TrainedHeads {
  readonly tlm: LearnedTlm;
  /** What it was trained on. */
  readonly data: readonly { readonly name: string; readonly sha256: string }[];
  readonly decision: Omit<TrainedDecision, 'parameters'>;
  readonly labelled: number;
}

const DEFAULT_STEPS = { trial: 120, final: 240 };
/** Longest prompt of the score head's, tokens: what labels can afford. */
const SCORE_TOKENS = 400;
/** Score prompts are drawn by a seed of their own. */
const SCORE_SEED = 17;
/** Seconds that stages take, roughly. */
const SHARES = { 'score head': 900, latency: 60, outcomes: 1200, 'decision head': 300 };

/**
 * Trains both heads: score head by saliency, then what every strategy makes of training requests, then the decision
 * head on that. Killed and called again with the same work folder it ends with the same parameters. Failures: those of
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
    return await trainOver(options, open.value, new StageProgress(SHARES, onProgress), signal);
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
  progress: StageProgress<keyof typeof SHARES>,
  signal: AbortSignal | undefined,
): Promise<Result<TrainedHeads>> {
  const { model, bundle, dataFolder, workFolder, seed } = options;
  const config = options.config ?? DEFAULT_TLM_CONFIG;
  const text = unwrap(openModelText(bundle.folder, bundle.manifest));
  const paths = trainingFiles(dataFolder);
  const requests = trainingRequests(paths, text, {
    perSet: options.requests,
    seed,
    // Recovery has seen the answers of `training`: levels would look better than they are.
    slices: ['selection', 'heldOut'],
  });
  if (!requests.ok) return requests;
  const prompts = scorePrompts(dataFolder, text, {
    perSet: options.prompts,
    seed: seed + SCORE_SEED,
    maxTokens: SCORE_TOKENS,
  });
  if (!prompts.ok) return prompts;
  const score = await trainScoreHead(
    { model, prompts: prompts.value, workFolder, config, seed: seed + 1 },
    (fraction) => progress.at('score head', fraction),
    signal,
  );
  if (!score.ok) return score;
  const embedding = EmbeddingRows.of(model);
  const tlm = { config, embedding, parameters: score.value.parameters };
  const device = await decisionDevice(
    join(workFolder, 'latency.json'),
    open,
    bundle.manifest.bundleId,
    tlm,
    ({ fraction }) => progress.at('latency', fraction),
    signal,
  );
  const labelled = await outcomesOf(requests.value, open, options, tlm, progress, signal);
  const decision = await trainDecisionHead(
    {
      ...tlm,
      labelled,
      device,
      seed,
      steps: options.steps ?? DEFAULT_STEPS,
      folder: workFolder,
    },
    ({ fraction }) => progress.at('decision head', fraction),
    signal,
  );
  const data: { name: string; sha256: string }[] = [];
  for (const path of paths) data.push({ name: basename(path), sha256: await hashFile(path, signal) });
  const method =
    `score head: gradient saliency of ${prompts.value.length} prompts; decision head: ${describeRule(decision.rule)} ` +
    `over ${labelled.length} requests; feasibility by ${device.profile.device.model}`;
  return ok({
    tlm: {
      about: { config, quality: strategyQuality(labelled), method, seed },
      bytes: encodeTlm(decision.parameters),
    },
    data,
    decision: { rule: decision.rule, tried: decision.tried },
    labelled: labelled.length,
  });
}

async function outcomesOf(
  requests: readonly StrategyRequest[],
  open: OpenLevels,
  { bundle, workFolder }: TlmTrainingOptions,
  {
    config,
    embedding,
    parameters,
  }: {
    readonly config: TlmConfig;
    readonly embedding: EmbeddingRows;
    readonly parameters: Float32Array;
  },
  progress: StageProgress<keyof typeof SHARES>,
  signal: AbortSignal | undefined,
): Promise<LabelledRequest[]> {
  const store = OutcomeStore.open(join(workFolder, 'outcomes'), levelsIdentity(bundle.manifest));
  const runner = await TlmRunner.open(config, embedding, parameters);
  try {
    return await labelOutcomes(
      requests,
      async ({ prompt }) => {
        const inputs = tlmInputs(config, prompt.tokens, prompt.words, { ttft: null, tpot: null });
        return wordScores(prompt, (await runner.run(inputs)).scores);
      },
      new OutcomeRunner(open.levels, store),
      ({ fraction }) => progress.at('outcomes', fraction),
      signal,
    );
  } finally {
    await runner.close();
  }
}
