import { basename, join } from 'node:path';
import type { BundleManifest } from '../../core/bundle-manifest.ts';
import { stretchScores, wordScores } from '../../core/compress-prompt.ts';
import { ok, type Result } from '../../core/result.ts';
import { DEFAULT_TLM_CONFIG, tlmInputs, type TlmConfig } from '../../core/tlm.ts';
import { hashFile } from '../bundle/hash-file.ts';
import type { LatencyProfile } from '../../core/latency-profile.ts';
import type { OpenLevels } from '../evaluation/bundle-levels.ts';
import type { StageProgress } from '../progress.ts';
import type { LearnedTlm } from '../recipe/loaded-recipe.ts';
import type { SourceModel } from '../sources/source-model.ts';
import { decisionDevice } from './decision/decision-profile.ts';
import type { LabelledRequest } from './decision/labelled-request.ts';
import { strategyQuality } from './decision/strategy-quality.ts';
import { describeRule, trainDecisionHead, type TrainedDecision } from './decision/train-decision-head.ts';
import { EmbeddingRows } from './embedding-rows.ts';
import { trainingFiles } from './requests/request-sets.ts';
import type { StrategyRequest } from './requests/strategy-request.ts';
import { labelOutcomes, levelsIdentity, OutcomeRunner, OutcomeStore } from './strategies/index.ts';
import { TlmRunner, type TrainedTlm } from './tlm-runner.ts';
import { decodeTlm, encodeTlm } from './tlm-parameters.ts';

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
  /** Of the device that feasibility is judged by; default: this computer is measured. */
  readonly profile?: LatencyProfile;
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

const DEFAULT_STEPS = { trial: 160, final: 480 };
/** Seconds that stages take, roughly. */
export const STAGE_SECONDS = { 'score head': 900, latency: 60, outcomes: 1200, 'decision head': 300 };

export type TlmStages = StageProgress<keyof typeof STAGE_SECONDS>;

/** All parameters with the score head's trained, and how, for people. */
export interface LearnedScores {
  readonly parameters: Float32Array;
  readonly method: string;
}

/** What follows the score head: outcomes under it, then the decision head. Rejects when the signal fires. */
export async function trainOnOutcomes(
  options: TlmTrainingOptions,
  { parameters, method: scoreMethod }: LearnedScores,
  requests: readonly StrategyRequest[],
  open: OpenLevels,
  progress: TlmStages,
  signal: AbortSignal | undefined,
): Promise<Result<TrainedHeads>> {
  const { model, bundle, dataFolder, workFolder, seed } = options;
  const config = options.config ?? DEFAULT_TLM_CONFIG;
  const embedding = EmbeddingRows.of(model);
  // As they will be kept: outcomes are of the words that the device will choose.
  const tlm = { config, embedding, parameters: decodeTlm(encodeTlm(parameters)) };
  const device = await decisionDevice(
    join(workFolder, 'latency.json'),
    options.profile ?? null,
    open,
    bundle.manifest.bundleId,
    tlm,
    ({ fraction }) => progress.at('latency', fraction),
    signal,
  );
  const labelled = await outcomesOf(requests, open, options, tlm, progress, signal);
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
  for (const path of trainingFiles(dataFolder))
    data.push({ name: basename(path), sha256: await hashFile(path, signal) });
  const method =
    `score head: ${scoreMethod}; decision head: ${describeRule(decision.rule)} ` +
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
  tlm: TrainedTlm,
  progress: TlmStages,
  signal: AbortSignal | undefined,
): Promise<LabelledRequest[]> {
  const store = OutcomeStore.open(join(workFolder, 'outcomes'), levelsIdentity(bundle.manifest));
  const runner = await TlmRunner.open(tlm);
  try {
    return await labelOutcomes(
      requests,
      async ({ prompt }) => {
        const inputs = tlmInputs(tlm.config, prompt.tokens, prompt.words, { ttft: null, tpot: null });
        return stretchScores(wordScores(prompt, (await runner.run(inputs)).scores));
      },
      new OutcomeRunner(open.levels, store),
      ({ fraction }) => progress.at('outcomes', fraction),
      signal,
    );
  } finally {
    await runner.close();
  }
}
