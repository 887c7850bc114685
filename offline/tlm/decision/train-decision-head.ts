import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { seededRandom } from '../../../core/random.ts';
import { SLO_TOKENS, type TlmConfig } from '../../../core/tlm.ts';
import type { OnProgress } from '../../progress.ts';
import type { EmbeddingRows } from '../embedding-rows.ts';
import { decisionTask, type DecisionExample } from '../tlm-task.ts';
import { TlmTrainer } from '../tlm-trainer.ts';
import { tlmBatches, trainTlm } from '../train-tlm.ts';
import type { DecisionDevice } from './decision-device.ts';
import { decisionExamples } from './decision-examples.ts';
import { judgeDecisions, type DecisionJudgement } from './judge-decisions.ts';
import { labelTask } from './label-task.ts';
import type { LabelledRequest, LabelRule } from './labelled-request.ts';

export interface DecisionTraining {
  readonly config: TlmConfig;
  readonly embedding: EmbeddingRows;
  /** All parameters, the score head's trained; not changed. */
  readonly parameters: Float32Array;
  readonly labelled: readonly LabelledRequest[];
  readonly device: DecisionDevice;
  readonly seed: number;
  /** Steps of each label rule that is tried, and of the chosen one on all requests. */
  readonly steps: { readonly trial: number; readonly final: number };
  /** Default {@link LABEL_RULES}. */
  readonly rules?: readonly LabelRule[];
  /** Checkpoints. */
  readonly folder: string;
}

export interface TriedRule {
  readonly rule: LabelRule;
  /** On requests that it was not trained on. */
  readonly judged: DecisionJudgement;
}

export interface TrainedDecision {
  readonly parameters: Float32Array;
  /** The rule that was taken. */
  readonly rule: LabelRule;
  readonly tried: readonly TriedRule[];
}

/** Ways to make labels of outcomes; the one whose decisions are best on held-out requests is taken. */
export const LABEL_RULES: readonly LabelRule[] = [
  { kind: 'soft-label', own: 0, set: 0.5 },
  { kind: 'soft-label', own: 0, set: 1 },
  { kind: 'soft-label', own: 0.5, set: 1 },
  { kind: 'reward', own: 0, set: 1 },
  { kind: 'lightest-right' },
];

const BATCH = { rows: 8, examples: 8 };
const LEARNING_RATE = { peak: 2e-3, warmUpSteps: 10, floor: 0.1 };
/** Keeps both outputs from settling before the rewards have been seen. */
const ENTROPY_BONUS = 0.01;
/** Every fifth request of a set is held out while rules are compared. */
const HELD_OUT_EVERY = 5;

/** Requests to choose a rule by, and the rest; evenly over sets. */
export function partHeldOut(labelled: readonly LabelledRequest[]): {
  readonly training: LabelledRequest[];
  readonly heldOut: LabelledRequest[];
} {
  const seen = new Map<string, number>();
  const training: LabelledRequest[] = [];
  const heldOut: LabelledRequest[] = [];
  for (const own of labelled) {
    const count = seen.get(own.request.set) ?? 0;
    seen.set(own.request.set, count + 1);
    (count % HELD_OUT_EVERY === HELD_OUT_EVERY - 1 ? heldOut : training).push(own);
  }
  return { training, heldOut };
}

/**
 * Trains the decision head: label rules are tried on four fifths of the requests, the best on the
 * last fifth is trained on all. Repeats exactly for a seed, killed in between or not. Rejects when the signal fires.
 */
export async function trainDecisionHead(
  training: DecisionTraining,
  onProgress: OnProgress = () => undefined,
  signal?: AbortSignal,
): Promise<TrainedDecision> {
  const { labelled, steps, rules = LABEL_RULES } = training;
  const parts = partHeldOut(labelled);
  const total = rules.length * steps.trial + steps.final;
  const startedAtMs = performance.now();
  let before = 0;
  const run = async (
    rule: LabelRule,
    requests: readonly LabelledRequest[],
    count: number,
  ): Promise<Float32Array> => {
    const parameters = await trainByRule(training, rule, requests, count, signal, (step) => {
      const fraction = (before + step) / total;
      const seconds = (performance.now() - startedAtMs) / 1000;
      onProgress({
        stage: `decision head, ${describeRule(rule)}`,
        fraction,
        etaSeconds: (seconds / fraction) * (1 - fraction),
      });
    });
    before += count;
    return parameters;
  };
  const tried: TriedRule[] = [];
  for (const rule of rules) {
    const parameters = await run(rule, parts.training, steps.trial);
    const judged = await judgeDecisions({ ...training, parameters }, parts.heldOut, parts.training, signal);
    tried.push({ rule, judged });
  }
  const best = tried.reduce((a, b) => (b.judged.probability > a.judged.probability ? b : a));
  return { parameters: await run(best.rule, labelled, steps.final), rule: best.rule, tried };
}

export function describeRule(rule: LabelRule): string {
  return rule.kind === 'lightest-right'
    ? 'lightest right strategy'
    : `${rule.kind === 'reward' ? 'expected reward' : 'soft labels'} by ${rule.own} of a request's own outcomes, ${rule.set} of its set's`;
}

async function trainByRule(
  { config, embedding, parameters, device, seed, folder }: DecisionTraining,
  rule: LabelRule,
  requests: readonly LabelledRequest[],
  steps: number,
  signal: AbortSignal | undefined,
  onStep: (step: number) => void,
): Promise<Float32Array> {
  const examples = decisionExamples(config, requests, rule, device, seededRandom(seed));
  const rows = Math.max(BATCH.rows, ...examples.map(({ inputs }) => inputs.rows));
  const trainer = await TlmTrainer.open<DecisionExample>({
    config,
    embedding,
    task: rule.kind === 'reward' ? decisionTask(BATCH.examples, ENTROPY_BONUS) : labelTask(BATCH.examples),
    rows,
    width: Math.min(config.rowTokens - SLO_TOKENS, Math.max(...examples.map(({ inputs }) => inputs.width))),
  });
  try {
    const identity = identityOf(parameters, examples, rule, steps, seed);
    const trained = await trainTlm({
      trainer,
      parameters,
      batchAt: tlmBatches(examples, { ...BATCH, rows }, seed),
      steps,
      learningRate: LEARNING_RATE,
      checkpoint: { path: join(folder, `decision-${identity.slice(0, 12)}.ckpt`), identity, every: 20 },
      onStep: ({ step }) => onStep(step),
      ...(signal === undefined ? {} : { signal }),
    });
    return trained.parameters;
  } finally {
    await trainer.close();
  }
}

function identityOf(
  parameters: Float32Array,
  examples: readonly DecisionExample[],
  rule: LabelRule,
  steps: number,
  seed: number,
): string {
  const hash = createHash('sha256').update(JSON.stringify([rule, steps, seed, BATCH, LEARNING_RATE]));
  hash.update(new Uint8Array(parameters.buffer, parameters.byteOffset, parameters.byteLength));
  for (const { inputs, rewards } of examples) {
    hash.update(inputs.inputIds).update(inputs.slo);
    hash.update(new Uint8Array(rewards.buffer, rewards.byteOffset, rewards.byteLength));
  }
  return hash.digest('hex');
}
