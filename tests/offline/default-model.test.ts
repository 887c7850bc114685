import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { describe, expect, it } from 'vitest';
import { decoderParams, totalParams } from '../../core/model-config.ts';
import { unwrap } from '../../core/result.ts';
import { openGguf } from '../../offline/sources/gguf-model.ts';

const CACHE = process.env['BUNGEE_CACHE'] ?? join(homedir(), '.cache', 'bungee');
const GGUF = join(CACHE, 'models', 'SmolLM2-135M-Instruct.Q4_1.gguf');

/** Runs where `npm start` has fetched the default model; everything else is tested on models made here. */
describe.skipIf(!existsSync(GGUF))('the default model', () => {
  it('opens with the shape and licence of SmolLM2-135M', async () => {
    const model = unwrap(await openGguf(GGUF));
    expect(decoderParams(model.config)).toBe(106_168_320);
    expect(totalParams(model.config)).toBe(134_479_872);
    expect(model.format).toBe('GGUF Q4_1');
    expect(model.licence.spdx).toBe('apache-2.0');
    model.close();
  });

  it.each([
    ['The capital of France is', [504, 3575, 282, 4649, 314]],
    [
      '<|im_start|>user\nHi 12345 there<|im_end|>\n',
      [1, 4093, 198, 26843, 216, 33, 34, 35, 36, 37, 665, 2, 198],
    ],
  ])('tokenizes %j as Hugging Face does', async (text, ids) => {
    const model = unwrap(await openGguf(GGUF));
    expect(new Tokenizer(JSON.parse(model.tokenizer.json), {}).encode(text).ids).toEqual(ids);
    model.close();
  });
});
