import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ok, type Result } from '../../../core/result.ts';
import { answeredPrompt, type AnsweredPrompt } from './answered-prompt.ts';
import { appPrompts, readTextQuestions } from './answered-prompts.ts';
import { trainingFiles, trainingRequests } from './request-sets.ts';
import type { RequestText } from './strategy-request.ts';

export interface ScorePromptOptions {
  /** Prompts of each set of questions. */
  readonly perSet: number;
  readonly seed: number;
  /** Longest prompt, tokens. */
  readonly maxTokens: number;
}

/** Questions about texts; the evaluation folders are not here, and must never be. */
const TEXT_FILE = join('instruct', 'dolly-hhrlhf-small.jsonl');

/**
 * What the score head is trained on: few-shot requests of the training sets (two thirds as running text, which is what
 * strategies are judged on, one third as the agent's chats), the product's own apps, and questions about a text.
 * Failures: those of the readers.
 */
export function scorePrompts(
  dataFolder: string,
  text: RequestText,
  options: ScorePromptOptions,
): Result<AnsweredPrompt[]> {
  const prompts: AnsweredPrompt[] = [];
  const half = { ...options, perSet: Math.ceil(options.perSet / 2), seed: options.seed + 1 };
  for (const form of [
    { ...options, form: 'plain' as const },
    { ...half, form: 'chat' as const },
  ]) {
    const requests = trainingRequests(trainingFiles(dataFolder), text, form);
    if (!requests.ok) return requests;
    prompts.push(...requests.value.map(answeredPrompt));
  }
  prompts.push(...appPrompts(text));
  const path = join(dataFolder, TEXT_FILE);
  if (!existsSync(path)) return ok(prompts);
  const texts = readTextQuestions(path, text, { ...options, count: options.perSet });
  return texts.ok ? ok([...prompts, ...texts.value]) : texts;
}
