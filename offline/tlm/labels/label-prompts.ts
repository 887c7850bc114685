import { join } from 'node:path';
import type { OnFraction } from '../../pipeline/stages.ts';
import type { TrainingWeights } from '../../training/training-weights.ts';
import type { AnsweredPrompt } from '../requests/answered-prompt.ts';
import { labelKey, SaliencyFile } from './saliency-file.ts';
import { ANSWER_TOKENS, SaliencyModel, type Saliency } from './saliency-model.ts';

/** Lengths of the graphs, tokens: a prompt runs in the shortest that holds it. */
const LENGTHS = [192, 256, 320, 448, 576, 768] as const;

export interface LabelOptions {
  readonly weights: TrainingWeights;
  readonly modelSha256: string;
  /** Labels found earlier lie here, and new ones are put here. */
  readonly folder: string;
}

/**
 * Saliency of each prompt, in order; null for prompts that no graph holds. Labels that lie in the folder are taken
 * from there, so a killed run goes on. Short prompts come first, one graph is open at a time (each holds its own copy
 * of the weights). Throws the signal's reason when it is aborted.
 */
export async function labelPrompts(
  prompts: readonly AnsweredPrompt[],
  { weights, modelSha256, folder }: LabelOptions,
  onFraction: OnFraction,
  signal?: AbortSignal,
): Promise<(Saliency | null)[]> {
  const file = SaliencyFile.open(join(folder, 'saliency.jsonl'));
  let model: SaliencyModel | null = null;
  try {
    const work = prompts
      .map((prompt, index) => {
        const key = labelKey(modelSha256, prompt);
        const tokens = prompt.prompt.tokens.length + Math.min(ANSWER_TOKENS, prompt.answer.length);
        return { prompt, index, key, length: LENGTHS.find((length) => length >= tokens) ?? null };
      })
      .sort((a, b) => (a.length ?? 0) - (b.length ?? 0) || a.index - b.index);
    const labels: (Saliency | null)[] = prompts.map(() => null);
    for (const [done, { prompt, index, key, length }] of work.entries()) {
      signal?.throwIfAborted();
      onFraction(done / work.length);
      if (length === null || prompt.answer.length === 0) continue;
      const found = file.get(key);
      if (found === undefined && model?.length !== length) {
        await model?.close();
        model = await SaliencyModel.open(weights, length);
      }
      labels[index] =
        found ??
        (model === null ? null : file.add(key, await model.run(prompt.prompt.tokens, prompt.answer)));
    }
    onFraction(1);
    return labels;
  } finally {
    await model?.close();
    file.close();
  }
}
