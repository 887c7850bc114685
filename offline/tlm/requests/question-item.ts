import { sliceOfItem, sliceOfStep } from '../../datasets/corpus.ts';
import type { DroidTaskStep } from '../../datasets/droid-task.ts';
import type { MultipleChoiceItem } from '../../datasets/multiple-choice-prompt.ts';
import type { SelectionItem } from '../../datasets/selection-item.ts';
import type { Slice } from '../../datasets/slices.ts';

export type RequestKind = 'multiple-choice' | 'app-selection' | 'ui-steps';

/** A question of any data set, before it has a form. */
export interface QuestionItem {
  readonly kind: RequestKind;
  /** What stands between `Question:` and `Answer:`. */
  readonly question: string;
  readonly choices: readonly string[];
  readonly gold: number;
  /** Items that share it never stand in each other's examples: steps of one app, choices of one question. */
  readonly group: string;
  /** As recovery's training material is cut: it has seen the answers of `training`. */
  readonly slice: Slice;
}

const LETTERED = /^([\s\S]*?)\nChoices:\n((?:[A-Z]\. .*(?:\n|$))+)$/;

/**
 * Choices that are letters of a list inside the question (CommonsenseQA of llm-foundry) become the listed texts:
 * a model of this size cannot answer by letter, and the paper scores texts (§5.1).
 */
function withoutLetters({ question, choices }: { question: string; choices: readonly string[] }): {
  question: string;
  choices: readonly string[];
} {
  const match = LETTERED.exec(question);
  const texts = (match?.[2] ?? '')
    .trim()
    .split('\n')
    .map((line) => line.replace(/^[A-Z]\. /, '').trim());
  if (match?.[1] === undefined || !choices.every((choice) => /^[A-Z]$/.test(choice)))
    return { question, choices };
  return texts.length === choices.length
    ? { question: match[1].trim(), choices: texts }
    : { question, choices };
}

export function fromMultipleChoice(item: MultipleChoiceItem): QuestionItem {
  const question = item.context
    .replace(/\nAnswer:$/, '')
    .replace(/^Question:\s*/, '')
    .trim();
  return {
    kind: 'multiple-choice',
    ...withoutLetters({ question, choices: item.choices }),
    gold: item.gold,
    group: question,
    slice: sliceOfItem(item),
  };
}

/** The step's own words are its question: task, what was done, what is on the screen. */
export function fromDroidTask(step: DroidTaskStep): QuestionItem {
  const { app, item } = step;
  return {
    kind: 'ui-steps',
    question: item.context.replace(/\nThe next UI element to tap is:$/, ''),
    choices: item.choices,
    gold: item.gold,
    group: app,
    slice: sliceOfStep(step),
  };
}

export function fromSelection({ query, names, gold }: SelectionItem): QuestionItem {
  return { kind: 'app-selection', question: query, choices: names, gold, group: query, slice: 'heldOut' };
}
