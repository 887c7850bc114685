import { APPS } from '../../../core/app.ts';
import { promptSetOf } from '../../../core/app-prompts/app-prompts.ts';
import type { QuestionItem } from '../requests/question-item.ts';
import { requestsOf, type RequestOptions } from '../requests/request-sets.ts';
import type { RequestText, StrategyRequest } from '../requests/strategy-request.ts';

/**
 * The product's own apps as requests with known answers: each example of an app is asked in turn after the others, and
 * the answers of all its examples are the choices. Recovery has seen none of them, so cut levels are not flattered.
 */
export function appRequests(text: RequestText, options: RequestOptions): StrategyRequest[] {
  return APPS.flatMap(({ id }) => {
    const { system, examples } = promptSetOf(id);
    const choices = examples.map(({ answer }) => answer);
    const items = examples.map(({ question }, gold): QuestionItem => ({
      kind: 'app-selection',
      question,
      choices,
      gold,
      group: question,
      slice: 'heldOut',
    }));
    return requestsOf({ name: `app-${id}`, instruction: system, items, pool: items }, text, options).map(
      (request) => ({ ...request, set: 'apps' }),
    );
  });
}
