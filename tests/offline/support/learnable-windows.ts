import { seededRandom } from '../../../core/random.ts';
import type { LabelledWindow } from '../../../offline/recovery/objective.ts';

export const LEARNABLE_TOKENS = 16;

/** Windows of a text with a rule that can be learned: each id follows from the one before. */
export function learnableWindow(index: number): LabelledWindow {
  const random = seededRandom(1000 + index);
  const ids = new Int32Array(LEARNABLE_TOKENS);
  ids[0] = Math.floor(random() * 40);
  for (let i = 1; i < LEARNABLE_TOKENS; i++) ids[i] = ((ids[i - 1] as number) * 5 + 3) % 41;
  const lossWeights = new Float32Array(LEARNABLE_TOKENS).fill(1);
  lossWeights[LEARNABLE_TOKENS - 1] = 0;
  return { ids, documents: new Int32Array(LEARNABLE_TOKENS), lossWeights };
}
