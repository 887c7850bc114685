import { wordsOf, type CompressiblePrompt } from '../../../core/compress-prompt.ts';
import { choiceBytes, continuation } from '../../datasets/multiple-choice-prompt.ts';
import type { ModelText } from '../../evaluation/model-text.ts';
import { fewShotMessages, type FewShotPrompt } from './few-shot-prompt.ts';
import type { QuestionItem, RequestKind } from './question-item.ts';

/** A few-shot request with known answer, in tokens: what the TLM is trained and judged on. */
export interface StrategyRequest {
  readonly id: string;
  readonly kind: RequestKind;
  /** Name of the file or set. */
  readonly set: string;
  /** Instruction and examples may be dropped, the question never. */
  readonly prompt: CompressiblePrompt;
  /** Text of each prompt token. */
  readonly pieces: readonly string[];
  /** What may follow the prompt; `bytes` is what scores per byte divide by. */
  readonly choices: readonly { readonly tokens: readonly number[]; readonly bytes: number }[];
  readonly gold: number;
}

/** What requests need of a model's tokenizer and template. */
export type RequestText = Pick<ModelText, 'encode' | 'start' | 'piece' | 'render'>;

function sharedLength(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}

/** `plain` is running text; `chat` goes through the model's template, as the agent serves. */
export type PromptForm = 'plain' | 'chat';

/**
 * Tokens of a text, and which of them lie wholly inside of a part of it.
 *
 * @param part occurs in `whole`
 */
export function compressibleTokens(
  whole: string,
  part: string,
  text: Pick<RequestText, 'encode' | 'start'>,
): { tokens: number[]; compressible: boolean[] } {
  const from = whole.indexOf(part);
  if (from < 0) throw new RangeError('the chat template changes the system message');
  const ids = text.encode(whole);
  const before = text.encode(whole.slice(0, from));
  const first = sharedLength(before, ids) < before.length ? before.length + 1 : before.length;
  const last = sharedLength(text.encode(whole.slice(0, from + part.length)), ids);
  const tokens = [...text.start, ...ids];
  return {
    tokens,
    compressible: tokens.map((_, i) => i >= text.start.length + first && i < text.start.length + last),
  };
}

/** Encodes a prompt and the choices of its item. A token on the border of the compressible part is kept. */
export function strategyRequest(
  id: string,
  set: string,
  item: QuestionItem,
  prompt: FewShotPrompt,
  form: PromptForm,
  text: RequestText,
): StrategyRequest {
  const whole =
    form === 'plain' ? `${prompt.header}\n\n${prompt.question}` : text.render(fewShotMessages(prompt));
  const { tokens, compressible } = compressibleTokens(whole, prompt.header, text);
  const pieces = tokens.map((token) => text.piece(token));
  return {
    id,
    kind: item.kind,
    set,
    prompt: { tokens, words: wordsOf(pieces, compressible) },
    pieces,
    choices: item.choices.map((choice) => ({
      tokens: text.encode(form === 'plain' ? continuation(choice) : choice.trim()),
      bytes: choiceBytes(choice),
    })),
    gold: item.gold,
  };
}
