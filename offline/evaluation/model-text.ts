import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import type { ChatMessage } from '../../core/agent-api.ts';
import { parseJsonWith } from '../../core/parse.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { LevelsManifest } from './bundle-levels.ts';

/** Text to tokens of one model: running text, chat prompts and questions. */
export interface ModelText {
  /** Ids of a text alone, without BOS. */
  readonly encode: (text: string) => number[];
  /** What every sequence begins with: BOS where the model wants it, else nothing. */
  readonly start: readonly number[];
  /** A user's prompt as the chat template renders it, up to where the answer begins. */
  readonly encodePrompt: (prompt: string) => number[];
  /** A talk as the chat template renders it, up to where the answer begins. */
  readonly render: (messages: readonly ChatMessage[]) => string;
  /** Text of one token; bytes inside of a character read as U+FFFD. */
  readonly piece: (token: number) => string;
  /** Stands before a choice that has no context, as in lm-evaluation-harness. */
  readonly startToken: number;
  /** Tokens that the model takes. */
  readonly contextLength: number;
}

/** By the bundle's own tokenizer and template; failure `bundle-corrupt`. */
export function openModelText(
  folder: string,
  manifest: Pick<LevelsManifest, 'tokenizer' | 'model'>,
): Result<ModelText> {
  const path = join(folder, manifest.tokenizer.file);
  const remedy = 'Make or push the bundle again.';
  try {
    const file = parseJsonWith(z.looseObject({}), readFileSync(path, 'utf8'), path);
    if (!file.ok) return fail('bundle-corrupt', file.failure.message, remedy);
    return ok(modelText(new Tokenizer(file.value, {}), manifest));
  } catch (error) {
    return fail('bundle-corrupt', `${path} cannot be used.`, remedy, String(error));
  }
}

/** Throws when the tokenizer or template cannot be used. */
export function modelText(
  tokenizer: Tokenizer,
  manifest: Pick<LevelsManifest, 'tokenizer' | 'model'>,
): ModelText {
  const { chatTemplate, bosTokenId, eosTokenIds, addBos } = manifest.tokenizer;
  const template = new Template(chatTemplate);
  const encode = (text: string): number[] => tokenizer.encode(text, { add_special_tokens: false }).ids;
  const wordOf = (id: number | null | undefined): string =>
    id === null || id === undefined ? '' : (tokenizer.id_to_token(id) ?? '');
  const render = (messages: readonly ChatMessage[]): string =>
    template.render({
      messages: [...messages],
      add_generation_prompt: true,
      bos_token: wordOf(bosTokenId),
      eos_token: wordOf(eosTokenIds[0]),
    });
  return {
    encode,
    start: addBos && bosTokenId !== null ? [bosTokenId] : [],
    encodePrompt: (prompt) => encode(render([{ role: 'user', content: prompt }])),
    render,
    piece: (token) =>
      tokenizer.decode([token], { skip_special_tokens: false, clean_up_tokenization_spaces: false }),
    startToken: bosTokenId ?? eosTokenIds[0] ?? 0,
    contextLength: manifest.model.contextLength,
  };
}
