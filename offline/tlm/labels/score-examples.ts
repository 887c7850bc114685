import { seededRandom } from '../../../core/random.ts';
import { tlmInputs, type TlmConfig } from '../../../core/tlm.ts';
import type { AnsweredPrompt } from '../requests/answered-prompt.ts';
import type { ScoreExample } from '../tlm-task.ts';
import { keepTargets, smoothedSaliency } from './keep-targets.ts';
import type { Saliency } from './saliency-model.ts';

/**
 * Examples of the score head: each prompt with the targets of its saliency, under an SLO drawn at random, so that
 * what is kept does not depend on it. Every prompt counts alike. Prompts without label or without anything to drop
 * are left out.
 */
export function scoreExamples(
  config: Pick<TlmConfig, 'rowTokens'>,
  prompts: readonly AnsweredPrompt[],
  labels: readonly (Saliency | null)[],
  seed: number,
): ScoreExample[] {
  const random = seededRandom(seed);
  return prompts.flatMap(({ prompt, pieces }, index) => {
    const ratios = { ttft: random(), tpot: random() };
    const label = labels[index] ?? null;
    const compressible = prompt.words.reduce((sum, word) => sum + (word < 0 ? 0 : 1), 0);
    if (label === null || compressible === 0) return [];
    return [
      {
        inputs: tlmInputs(config, prompt.tokens, prompt.words, ratios),
        targets: keepTargets(prompt, smoothedSaliency(prompt, pieces, label.tokens)),
        weights: Float32Array.from(prompt.words, (word) => (word < 0 ? 0 : 1 / compressible)),
      },
    ];
  });
}
