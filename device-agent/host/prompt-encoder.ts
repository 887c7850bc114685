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

const tokenizerFileSchema = z.looseObject({
  model: z.looseObject({ type: z.string().optional() }),
  decoder: z.looseObject({ type: z.string() }).nullish(),
});

/** Text to token ids and back, by the bundle's tokenizer and chat template. */
export interface PromptEncoder {
  readonly table: TokenBytes;
  /** Failure `chat-template`: the template refuses these messages. */
  readonly encodeChat: (messages: readonly ChatMessage[]) => Result<number[]>;
  /** A raw prompt; BOS first where the model wants it. */
  readonly encodeText: (text: string) => number[];
  readonly textOf: (token: number) => string;
  readonly bytesOf: (token: number) => number[];
}

/** Failure `bundle-corrupt` when tokenizer or template cannot be used. */
export async function openPromptEncoder(
  bundleDir: string,
  manifest: BundleManifest,
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
    return ok(createEncoder(tokenizer, template, manifest, file.value.decoder?.type === 'ByteLevel'));
  } catch (error) {
    return fail('bundle-corrupt', `${path} cannot be used: ${firstLine(error)}.`, remedy);
  }
}

function createEncoder(
  tokenizer: Tokenizer,
  template: Template,
  manifest: BundleManifest,
  byteLevel: boolean,
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
  return {
    table,
    encodeText: (text) => (addBos && bosTokenId !== null ? [bosTokenId, ...encode(text)] : encode(text)),
    encodeChat: (messages) => {
      try {
        const rendered = template.render({
          messages: messages.map(({ role, content }) => ({
            role: role === 'developer' ? 'system' : role,
            content: typeof content === 'string' ? content : content.map((part) => part.text).join(''),
          })),
          add_generation_prompt: true,
          bos_token: wordOf(bosTokenId),
          eos_token: wordOf(eosTokenIds[0]),
        });
        return ok(encode(rendered));
      } catch (error) {
        return fail('chat-template', `The chat template refuses these messages: ${firstLine(error)}.`);
      }
    },
    textOf: (token) => decoder.decode(shown(token)),
    bytesOf: (token) => [...shown(token)],
  };
}
