import { seededRandom } from '../../../core/random.ts';
import { tlmInputs, type TlmConfig } from '../../../core/tlm.ts';
import type { AnsweredPrompt } from '../requests/answered-prompt.ts';
import type { ScoreExample } from '../tlm-task.ts';
import { keepTargets } from './keep-targets.ts';
import { tokenFeatures, tokenWorth } from './token-features.ts';

/**
 * Examples of the score head: what each token of a prompt is worth by the fitted weights, under an SLO drawn at
 * random, so that what is kept does not depend on it. Every prompt counts alike; those without anything to drop are
 * left out.
 *
 * @param weights by feature, see `fitWorth`
 */
export function scoreExamples(
  config: Pick<TlmConfig, 'rowTokens'>,
  prompts: readonly Pick<AnsweredPrompt, 'prompt' | 'pieces'>[],
  weights: readonly number[],
  seed: number,
): ScoreExample[] {
  const random = seededRandom(seed);
  return prompts.flatMap((entry) => {
    const { prompt } = entry;
    const ratios = { ttft: random(), tpot: random() };
    const features = tokenFeatures(entry);
    if (features.indices.length === 0) return [];
    const share = 1 / features.indices.length;
    return [
      {
        inputs: tlmInputs(config, prompt.tokens, prompt.words, ratios),
        targets: keepTargets(prompt, tokenWorth(prompt.tokens.length, features, weights)),
        weights: Float32Array.from(prompt.words, (word) => (word < 0 ? 0 : share)),
      },
    ];
  });
}
