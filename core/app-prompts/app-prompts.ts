import type { ChatMessage } from '../agent-api.ts';
import type { AppId } from '../app.ts';
import type { AppPromptSet } from './app-prompt-set.ts';
import { GBOARD_PROMPTS } from './gboard-prompts.ts';
import { GMAIL_PROMPTS } from './gmail-prompts.ts';
import { OCTOPUS_PROMPTS } from './octopus-prompts.ts';
import { REWIND_PROMPTS } from './rewind-prompts.ts';
import { SHORTCUTS_PROMPTS } from './shortcuts-prompts.ts';
import { XIAOAI_PROMPTS } from './xiaoai-prompts.ts';

const PROMPT_SETS: Record<AppId, AppPromptSet> = {
  rewind: REWIND_PROMPTS,
  gmail: GMAIL_PROMPTS,
  octopus: OCTOPUS_PROMPTS,
  shortcuts: SHORTCUTS_PROMPTS,
  gboard: GBOARD_PROMPTS,
  xiaoai: XIAOAI_PROMPTS,
};

/** What the requests of an app are made of. */
export function promptSetOf(app: AppId): AppPromptSet {
  return PROMPT_SETS[app];
}

/**
 * The `index`-th request of an app; indices wrap around, and each round shows the examples in another order,
 * so that no two prompts of a long trace share more than the instruction.
 */
export function promptOf(
  app: AppId,
  index: number,
): { readonly messages: ChatMessage[]; readonly maxTokens: number } {
  const set = PROMPT_SETS[app];
  const question = set.questions[index % set.questions.length] ?? '';
  const examples = set.examples.map(
    (_, i) => set.examples[(i + index) % set.examples.length] ?? { question: '', answer: '' },
  );
  const shown = examples.map((example) => `Q: ${example.question}\nA: ${example.answer}`).join('\n');
  return {
    messages: [
      { role: 'system', content: `${set.system}\n\nExamples:\n${shown}` },
      { role: 'user', content: question },
    ],
    maxTokens: set.maxTokens,
  };
}
