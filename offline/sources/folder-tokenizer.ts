import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJsonWith } from '../../core/parse.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { CHATML_TEMPLATE } from './gguf-tokenizer.ts';
import type { TokenizerSource } from './source-model.ts';

const tokenText = z.union([z.string(), z.object({ content: z.string() })]).nullish();
const tokenizerConfigSchema = z.object({
  chat_template: z
    .union([z.string(), z.array(z.object({ name: z.string(), template: z.string() }))])
    .nullish(),
  bos_token: tokenText,
  eos_token: tokenText,
  add_bos_token: z.boolean().nullish(),
});
const tokenIds = z.union([z.int(), z.array(z.int())]).nullish();
/** Chat models end at more tokens than their tokenizer calls the end: generation_config.json has them all. */
const generationSchema = z.object({ eos_token_id: tokenIds });
const tokenizerSchema = z.object({
  model: z.object({ vocab: z.record(z.string(), z.int()) }),
  added_tokens: z.array(z.object({ id: z.int(), content: z.string() })).default([]),
});

/** Reads tokenizer.json and tokenizer_config.json of a model folder; token ids of config.json are the fallback. */
export function readFolderTokenizer(
  folder: string,
  fallback: Pick<TokenizerSource, 'bosTokenId' | 'eosTokenIds'>,
): Result<TokenizerSource> {
  const path = join(folder, 'tokenizer.json');
  const configPath = join(folder, 'tokenizer_config.json');
  for (const file of [path, configPath])
    if (!existsSync(file))
      return fail('model-incomplete', `${file} is missing.`, 'Fetch the whole model folder from the hub.');
  const json = readFileSync(path, 'utf8');
  const tokenizer = parseJsonWith(tokenizerSchema, json, path);
  if (!tokenizer.ok) return tokenizer;
  const config = parseJsonWith(tokenizerConfigSchema, readFileSync(configPath, 'utf8'), configPath);
  if (!config.ok) return config;
  const idOf = (token: z.infer<typeof tokenText>): number | null => {
    if (token === undefined || token === null) return null;
    const text = typeof token === 'string' ? token : token.content;
    const added = tokenizer.value.added_tokens.find(({ content }) => content === text);
    return added?.id ?? tokenizer.value.model.vocab[text] ?? null;
  };
  const eos = idOf(config.value.eos_token);
  const generation = generationEos(folder);
  if (!generation.ok) return generation;
  const eosTokenIds = [
    ...new Set([...(eos === null ? [] : [eos]), ...fallback.eosTokenIds, ...generation.value]),
  ];
  if (eosTokenIds.length === 0)
    return fail(
      'model-incomplete',
      `${configPath} names no eos_token.`,
      'Fetch the whole model folder from the hub.',
    );
  const templates = config.value.chat_template;
  const chatTemplate =
    typeof templates === 'string'
      ? templates
      : (templates?.find(({ name }) => name === 'default')?.template ??
        separateTemplate(folder) ??
        CHATML_TEMPLATE);
  return ok({
    json,
    chatTemplate,
    bosTokenId: idOf(config.value.bos_token) ?? fallback.bosTokenId,
    eosTokenIds,
    addBos: config.value.add_bos_token ?? false,
  });
}

function generationEos(folder: string): Result<readonly number[]> {
  const path = join(folder, 'generation_config.json');
  if (!existsSync(path)) return ok([]);
  const parsed = parseJsonWith(generationSchema, readFileSync(path, 'utf8'), path);
  if (!parsed.ok) return parsed;
  const ids = parsed.value.eos_token_id;
  return ok(typeof ids === 'number' ? [ids] : (ids ?? []));
}

/** Newer folders keep the template in a file of its own. */
function separateTemplate(folder: string): string | null {
  const path = join(folder, 'chat_template.jinja');
  return existsSync(path) ? readFileSync(path, 'utf8') : null;
}
