import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import type { ChatMessage } from '../../core/agent-api.ts';
import type { BundleManifest } from '../../core/bundle-manifest.ts';
import { parseJsonWith } from '../../core/parse.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { firstLine } from '../engine/open-session.ts';
import { buildTokenBytes, bytesOfToken, type TokenBytes } from '../engine/token-bytes.ts';
import { chatWords, type RenderedChat } from './chat-words.ts';

const tokenizerFileSchema = z.looseObject({
  model: z.looseObject({ type: z.string().optional() }),
  decoder: z.looseObject({ type: z.string() }).nullish(),
});

export interface EncodedChat {
  readonly tokens: number[];
  /**
   * [tokens], as of `CompressiblePrompt`: the words of all contents before the last user message's; -1 = kept always,
   * which is everything where the template changes contents, so that they cannot be told from it.
   */
  readonly words: () => Int32Array;
}

/** Text to token ids and back, by the bundle's tokenizer and chat template. */
export interface PromptEncoder {
  readonly table: TokenBytes;
  /** Failure `chat-template`: the template refuses these messages. */
  readonly encodeChat: (messages: readonly ChatMessage[]) => Result<EncodedChat>;
  /** A raw prompt; BOS first where the model wants it. */
  readonly encodeText: (text: string) => number[];
  readonly textOf: (token: number) => string;
  /** Text of tokens that stand together, special ones as they are written. */
  readonly textOfAll: (tokens: readonly number[]) => string;
  readonly bytesOf: (token: number) => number[];
}

/**
 * Failure `bundle-corrupt` when tokenizer or template cannot be used.
 *
 * @param log told once when a chat's contents cannot be found in its prompt
 */
export async function openPromptEncoder(
  bundleDir: string,
  manifest: BundleManifest,
  log: (line: string) => void = () => undefined,
): Promise<Result<PromptEncoder>> {
  const remedy = 'Push the bundle again.';
  const path = join(bundleDir, manifest.tokenizer.file);
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) return fail('bundle-corrupt', `${path} cannot be read.`, remedy);
  const file = parseJsonWith(tokenizerFileSchema, text, path);
  if (!file.ok) return fail('bundle-corrupt', file.failure.message, remedy);
  try {
    const tokenizer = new Tokenizer(file.value, {});
    const template = new Template(manifest.tokenizer.chatTemplate);
    return ok(createEncoder(tokenizer, template, manifest, file.value.decoder?.type === 'ByteLevel', log));
  } catch (error) {
    return fail('bundle-corrupt', `${path} cannot be used: ${firstLine(error)}.`, remedy);
  }
}

function createEncoder(
  tokenizer: Tokenizer,
  template: Template,
  manifest: BundleManifest,
  byteLevel: boolean,
  log: (line: string) => void,
): PromptEncoder {
  const { bosTokenId, eosTokenIds, addBos } = manifest.tokenizer;
  const vocabulary = new Map<number, string>();
  for (const [token, id] of tokenizer.get_vocab(true)) vocabulary.set(id, token);
  const added = [...tokenizer.get_added_tokens_decoder()];
  for (const [id, token] of added) vocabulary.set(id, token.content);
  const literal = new Set(added.map(([id]) => id));
  const hidden = new Set(added.filter(([, token]) => token.special).map(([id]) => id));
  const decoding = byteLevel ? 'byte-level' : 'metaspace';
  const table = buildTokenBytes(vocabulary, manifest.model.vocabSize, decoding, hidden, literal);
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const wordOf = (id: number | null | undefined): string =>
    id === null || id === undefined ? '' : (vocabulary.get(id) ?? '');
  const encode = (text: string): number[] => tokenizer.encode(text, { add_special_tokens: false }).ids;
  const shown = (token: number): Uint8Array =>
    hidden.has(token) ? new TextEncoder().encode(wordOf(token)) : bytesOfToken(table, token);
  const textOf = (token: number): string => decoder.decode(shown(token));
  let told = false;
  const wordsOfChat = (chat: RenderedChat): Int32Array => {
    const words = chatWords(chat, {
      bytesOf: shown,
      textOf,
      isSpecial: (token) => hidden.has(token),
    });
    if (words === null && !told) {
      log('a chat prompt is kept whole: its chat template changes contents, so they cannot be found in it');
      told = true;
    }
    return words ?? new Int32Array(chat.tokens.length).fill(-1);
  };
  return {
    table,
    encodeText: (text) => (addBos && bosTokenId !== null ? [bosTokenId, ...encode(text)] : encode(text)),
    encodeChat: (messages) => {
      const contents = messages.map(({ content }) =>
        typeof content === 'string' ? content : content.map((part) => part.text).join(''),
      );
      const render = (texts: readonly string[]): string =>
        template.render({
          messages: messages.map(({ role }, i) => ({
            role: role === 'developer' ? 'system' : role,
            content: texts[i] ?? '',
          })),
          add_generation_prompt: true,
          bos_token: wordOf(bosTokenId),
          eos_token: wordOf(eosTokenIds[0]),
        });
      try {
        const rendered = render(contents);
        const tokens = encode(rendered);
        const question = messages.findLastIndex(({ role }) => role === 'user');
        const chat = { contents, question, rendered, render, tokens };
        return ok({ tokens, words: () => wordsOfChat(chat) });
      } catch (error) {
        return fail('chat-template', `The chat template refuses these messages: ${firstLine(error)}.`);
      }
    },
    textOf,
    textOfAll: (tokens) => decoder.decode(Uint8Array.from(tokens.flatMap((token) => [...shown(token)]))),
    bytesOf: (token) => [...shown(token)],
  };
}
