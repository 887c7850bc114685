import { choiceBytes, continuation, type MultipleChoiceItem } from '../datasets/multiple-choice-prompt.ts';
import type { ModelText } from './model-text.ts';

/** A question in tokens: every choice is `prefix` followed by its `tail`. */
export interface EncodedItem {
  readonly prefix: readonly number[];
  readonly choices: readonly EncodedChoice[];
  readonly gold: number;
  /** For accuracy by app; null where items belong to none. */
  readonly app: string | null;
}

export interface EncodedChoice {
  readonly tail: readonly number[];
  /** Index in `tail` of the first token that is scored; those before still belong to the context. */
  readonly scoreFrom: number;
  /** What `accNorm` divides by. */
  readonly bytes: number;
}

function sharedLength(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}

/**
 * Splits a question into the tokens that all its choices share and the rest. As in lm-evaluation-harness the
 * whole text is encoded; unlike there a choice is scored from where its tokens leave those of the context, so
 * that a merge over the boundary is never cut in two. Contexts too long for the model lose their beginning.
 */
export function encodeItem(
  item: MultipleChoiceItem,
  text: Pick<ModelText, 'encode' | 'start' | 'startToken' | 'contextLength'>,
  app: string | null = null,
): EncodedItem {
  let context = [...text.start, ...text.encode(item.context)];
  let wholes = item.choices.map((choice) => [
    ...text.start,
    ...text.encode(item.context + continuation(choice)),
  ]);
  const leaves = (whole: readonly number[]): number =>
    Math.min(sharedLength(context, whole), whole.length - 1);
  if (wholes.some((whole) => leaves(whole) < 1)) {
    context = [text.startToken, ...context];
    wholes = wholes.map((whole) => [text.startToken, ...whole]);
  }
  const scored = wholes.map(leaves);
  const shared = Math.min(...scored);
  const longestTail = Math.max(...wholes.map((whole) => whole.length - shared));
  const kept = Math.max(1, text.contextLength - longestTail);
  return {
    prefix: context.slice(0, shared).slice(-kept),
    choices: wholes.map((whole, i) => ({
      tail: whole.slice(shared),
      scoreFrom: (scored[i] as number) - shared,
      bytes: choiceBytes(item.choices[i] as string),
    })),
    gold: item.gold,
    app,
  };
}

/** Tokens that one model runs for an item: the prefix once, then each choice without its last token. */
export function runTokens(item: EncodedItem): number {
  return item.choices.reduce((sum, { tail }) => sum + tail.length - 1, item.prefix.length);
}
