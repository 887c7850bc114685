import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { compressPrompt, wordScores } from '../../../core/compress-prompt.ts';
import { normalSample, seededRandom } from '../../../core/random.ts';
import { answerLoss } from '../../evaluation/compression-loss.ts';
import type { LogitsSource } from '../../evaluation/logits-source.ts';
import type { OnFraction } from '../../pipeline/stages.ts';
import type { AnsweredPrompt } from '../requests/answered-prompt.ts';
import { ValueFile } from '../value-file.ts';
import { FEATURES, tokenFeatures, tokenWorth } from './token-features.ts';

/** Compressions tried on each prompt. */
export const TRIALS = 6;
/** Shares of the prompt that stay, in turn; one share for all trials of a prompt, so that they can be compared. */
const PROMPT_LEVELS_TRIED = [0.4, 0.5, 0.6] as const;
/** Most features that one trial chooses by. */
const MOST_FEATURES = 3;

/** One compression of a prompt and what it came to. */
export interface Trial {
  /** Indices into the prompt's tokens. */
  readonly kept: readonly number[];
  /** Nats per token of the right answer. */
  readonly loss: number;
}

function seedOf(tokens: readonly number[]): number {
  return createHash('sha256').update(JSON.stringify(tokens)).digest().readUInt32BE(0);
}

/** A few features with random weights: keep the end, drop long lines, keep what the question mentions, ... */
function randomWeights(random: () => number): number[] {
  const weights = FEATURES.map(() => 0);
  const count = 1 + Math.floor(random() * MOST_FEATURES);
  for (let i = 0; i < count; i++) weights[Math.floor(random() * FEATURES.length)] = normalSample(random);
  return weights;
}

/** Compressions of a prompt, each by a few of its features; equal prompts give equal ones. */
export function drawTrials(entry: Pick<AnsweredPrompt, 'prompt' | 'pieces'>): number[][] {
  const { prompt } = entry;
  const seed = seedOf(prompt.tokens);
  const random = seededRandom(seed);
  const level = PROMPT_LEVELS_TRIED[seed % PROMPT_LEVELS_TRIED.length] ?? 0.5;
  const features = tokenFeatures(entry);
  return Array.from({ length: TRIALS }, () => {
    const worth = tokenWorth(prompt.tokens.length, features, randomWeights(random));
    return compressPrompt(prompt, wordScores(prompt, worth), level);
  });
}

/**
 * What the model loses on the right answer when parts of the prompt are left out, measured by running it. Losses that
 * lie in the folder are taken from there, so a killed run goes on. Throws the signal's reason when it is aborted.
 *
 * @param identity of the model that runs
 * @returns trials of each prompt, in order
 */
export async function runTrials(
  prompts: readonly AnsweredPrompt[],
  options: { readonly source: LogitsSource; readonly identity: string; readonly folder: string },
  onFraction: OnFraction,
  signal?: AbortSignal,
): Promise<Trial[][]> {
  const { source, identity, folder } = options;
  const file = new ValueFile(join(folder, 'left-out.jsonl'));
  const all: Trial[][] = [];
  for (const [done, entry] of prompts.entries()) {
    onFraction(done / prompts.length);
    const { prompt, answer } = entry;
    const drawn = drawTrials(entry);
    const key = createHash('sha256')
      .update(JSON.stringify([identity, prompt.tokens, answer, drawn]))
      .digest('hex')
      .slice(0, 24);
    const losses = await file.once(key, async () => {
      const measured: number[] = [];
      for (const kept of drawn) {
        signal?.throwIfAborted();
        const tokens = kept.map((i) => prompt.tokens[i] as number);
        measured.push(await answerLoss(source, tokens, answer));
      }
      return measured;
    });
    all.push(drawn.map((kept, i) => ({ kept, loss: losses[i] ?? Number.NaN })));
  }
  onFraction(1);
  return all;
}
