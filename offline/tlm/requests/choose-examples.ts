import { shuffled } from '../../../core/random.ts';
import type { QuestionItem } from './question-item.ts';

/** Examples of a prompt, as in the paper (§5.1). */
export const EXAMPLES = 5;
/** Candidates looked at before a prompt stays with fewer. */
const CANDIDATES = 24;

/**
 * Examples for an item in a seeded order: at most {@link EXAMPLES} of the pool while the prompt still fits, none of
 * the item's own group.
 *
 * @param fits whether a prompt with these examples may be used
 */
export function chooseExamples(
  item: QuestionItem,
  pool: readonly QuestionItem[],
  random: () => number,
  fits: (examples: readonly QuestionItem[]) => boolean,
): QuestionItem[] {
  const others = pool.filter(({ group }) => group !== item.group);
  const chosen: QuestionItem[] = [];
  for (const candidate of shuffled(others, random).slice(0, CANDIDATES)) {
    if (chosen.length === EXAMPLES) break;
    if (chosen.every(({ question }) => question !== candidate.question) && fits([...chosen, candidate]))
      chosen.push(candidate);
  }
  return chosen;
}
