import type { ChatMessage } from '../../../core/agent-api.ts';
import { APP_IDS } from '../../../core/app.ts';
import { promptSetOf } from '../../../core/app-prompts/app-prompts.ts';
import { wordsOf } from '../../../core/compress-prompt.ts';
import { seededRandom, shuffled } from '../../../core/random.ts';
import { ok, type Result } from '../../../core/result.ts';
import { sliceByHash } from '../../datasets/slices.ts';
import { readTextDocuments } from '../../datasets/text-documents.ts';
import type { AnsweredPrompt } from './answered-prompt.ts';
import { compressibleTokens, type RequestText } from './strategy-request.ts';

/** A talk of which everything before the last message may be dropped. */
function answered(
  id: string,
  system: string,
  question: string,
  answer: string,
  text: RequestText,
): AnsweredPrompt {
  const messages: ChatMessage[] = [
    { role: 'system', content: system },
    { role: 'user', content: question },
  ];
  const { tokens, compressible } = compressibleTokens(text.render(messages), system, text);
  const pieces = tokens.map((token) => text.piece(token));
  return {
    id,
    prompt: { tokens, words: wordsOf(pieces, compressible) },
    pieces,
    answer: text.encode(answer),
  };
}

/**
 * Prompts as the product's own apps send them: each example of an app becomes the question in turn, the other
 * examples stay examples. Its own questions have no known answers.
 */
export function appPrompts(text: RequestText): AnsweredPrompt[] {
  return APP_IDS.flatMap((app) => {
    const { system, examples } = promptSetOf(app);
    return examples.map(({ question, answer }, i) => {
      const others = examples.map((_, k) => examples[(i + 1 + k) % examples.length]).slice(0, -1);
      const shown = others.map((other) => `Q: ${other?.question}\nA: ${other?.answer}`).join('\n');
      return answered(`app-${app}-${i}`, `${system}\n\nExamples:\n${shown}`, question, answer, text);
    });
  });
}

/** A question in the first line, the text that answers it after it. */
const WITH_TEXT = /^([^\n]{10,200})\n+([\s\S]{200,})$/;

/**
 * Questions about a text, of an instruction set (Dolly): the text may be dropped, the question not. Failures: those of
 * the reader.
 */
export function readTextQuestions(
  path: string,
  text: RequestText,
  options: { readonly count: number; readonly seed: number; readonly maxTokens: number },
): Result<AnsweredPrompt[]> {
  const documents = readTextDocuments(path);
  if (!documents.ok) return documents;
  const prompts: AnsweredPrompt[] = [];
  for (const [index, document] of shuffled([...documents.value.entries()], seededRandom(options.seed))) {
    if (prompts.length === options.count) break;
    const match = WITH_TEXT.exec(document.prompt ?? '');
    const [question, passage] = [match?.[1], match?.[2]];
    if (question === undefined || passage === undefined || sliceByHash(document.prompt ?? '') === 'heldOut')
      continue;
    const prompt = answered(`text-${index}`, passage.trim(), question, document.text.trim(), text);
    if (prompt.prompt.tokens.length <= options.maxTokens) prompts.push(prompt);
  }
  return ok(prompts);
}
