import type { ChatMessage } from '../../../core/agent-api.ts';
import { continuation } from '../../datasets/multiple-choice-prompt.ts';
import type { QuestionItem, RequestKind } from './question-item.ts';

/** What stands before a question and before its answer. */
const LABELS: Readonly<Record<RequestKind, readonly [question: string, answer: string]>> = {
  'multiple-choice': ['Question: ', 'Answer:'],
  'app-selection': ['Task: ', 'Choice:'],
  'ui-steps': ['', 'The next UI element to tap is:'],
};

/** A question with its label; the answer's label ends it, so that the choice is what comes next. */
function asked({ kind, question }: QuestionItem): string {
  const [before, after] = LABELS[kind];
  return `${/^Passage:/.test(question) ? '' : before}${question}\n${after}`;
}

/** An example: the question and its right answer. */
export function exampleText(item: QuestionItem): string {
  return asked(item) + continuation(item.choices[item.gold] ?? '');
}

/** A prompt in the parts that compression tells apart. */
export interface FewShotPrompt {
  /** Instruction and examples: what may be dropped. */
  readonly header: string;
  /** Kept whole. */
  readonly question: string;
}

/** One sentence of instruction, examples, the question: the form of the paper's prompts (§5.1). */
export function fewShotPrompt(
  instruction: string,
  examples: readonly QuestionItem[],
  item: QuestionItem,
): FewShotPrompt {
  return {
    header: [instruction, 'Examples:', ...examples.map(exampleText)].join('\n\n'),
    question: asked(item),
  };
}

/** The prompt as an app sends it: what may be dropped is the system message. */
export function fewShotMessages({ header, question }: FewShotPrompt): ChatMessage[] {
  return [
    { role: 'system', content: header },
    { role: 'user', content: question },
  ];
}
