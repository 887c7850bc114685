import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../../core/result.ts';
import { openSourceModel } from '../../offline/sources/open-source-model.ts';
import { expectedWeights } from '../../offline/sources/source-model.ts';
import { tinySourceModel } from '../../offline/sources/tiny-model.ts';
import { largestDifference } from './support/graph-lab.ts';
import {
  storedTensors,
  writeModelFolder,
  writeSafetensors,
  type Dtype,
  type FolderOptions,
} from './support/model-folder.ts';

const model = tinySourceModel({ seed: 4, config: { tiedEmbedding: false, layers: 3 } });

const modelFolder = (options: FolderOptions = {}): string => writeModelFolder(model, options);

async function failureCode(folder: string): Promise<string> {
  const result = await openSourceModel(folder);
  if (result.ok) throw new Error('it opened');
  expect(result.failure.message).toContain(folder);
  expect(result.failure.message.split('\n')).toHaveLength(1);
  return result.failure.code;
}

describe('a safetensors folder', () => {
  it.each<[Dtype, boolean, number]>([
    ['F32', false, 0],
    ['F32', true, 0],
    ['F16', false, 0.002],
    ['BF16', true, 0.02],
  ])(
    'in %s (sharded: %s) gives back weights, shape, tokenizer and licence',
    async (dtype, shards, tolerance) => {
      const opened = unwrap(await openSourceModel(modelFolder({ dtype, shards })));
      expect(opened.config).toEqual(model.config);
      expect(opened.format).toBe(`safetensors ${dtype}`);
      expect(opened.licence.spdx).toBe('apache-2.0');
      expect(opened.tokenizer).toMatchObject({
        bosTokenId: 1,
        eosTokenIds: [2],
        chatTemplate: 'T{{ x }}',
        addBos: false,
      });
      for (const name of expectedWeights(model.config).keys())
        expect(largestDifference(opened.tensor(name), model.tensor(name)), name).toBeLessThanOrEqual(
          tolerance,
        );
      opened.close();
    },
  );

  it('takes a chat template from a file of its own', async () => {
    const folder = modelFolder();
    writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify({ eos_token: '<|im_end|>' }));
    writeFileSync(join(folder, 'chat_template.jinja'), 'from a file');
    const opened = unwrap(await openSourceModel(folder));
    expect(opened.tokenizer.chatTemplate).toBe('from a file');
    opened.close();
  });

  it('ends at every token that its generation config names', async () => {
    const folder = modelFolder();
    writeFileSync(join(folder, 'generation_config.json'), JSON.stringify({ eos_token_id: [2, 0] }));
    const opened = unwrap(await openSourceModel(folder));
    expect(opened.tokenizer.eosTokenIds).toEqual([2, 0]);
    opened.close();
  });

  it.each<[string, string, (folder: string) => void]>([
    ['without config.json', 'model-incomplete', (folder) => rmSync(join(folder, 'config.json'))],
    ['without tokenizer.json', 'model-incomplete', (folder) => rmSync(join(folder, 'tokenizer.json'))],
    ['without weights', 'model-incomplete', (folder) => rmSync(join(folder, 'model.safetensors'))],
    [
      'with a config that is not JSON',
      'invalid-json',
      (folder) => writeFileSync(join(folder, 'config.json'), '{'),
    ],
    [
      'with a config without sizes',
      'invalid-input',
      (folder) => writeFileSync(join(folder, 'config.json'), '{}'),
    ],
    [
      'with foreign weights',
      'safetensors-foreign',
      (folder) => writeFileSync(join(folder, 'model.safetensors'), 'PK\u0003\u0004 no weights at all'),
    ],
    [
      'with weights cut short',
      'safetensors-truncated',
      (folder) => {
        const path = join(folder, 'model.safetensors');
        writeFileSync(path, readFileSync(path).subarray(0, -100));
      },
    ],
    [
      'with a tensor missing',
      'safetensors-corrupt',
      (folder) =>
        writeSafetensors(
          join(folder, 'model.safetensors'),
          new Map([...storedTensors(model, 'F32')].slice(1)),
        ),
    ],
    [
      'with a type that Bungee does not read',
      'safetensors-unsupported',
      (folder) =>
        writeSafetensors(
          join(folder, 'model.safetensors'),
          new Map(
            [...storedTensors(model, 'F32')].map(([name, tensor]) => [name, { ...tensor, dtype: 'F8_E4M3' }]),
          ),
        ),
    ],
  ])('%s fails in one clear line', async (_, code, damage) => {
    const folder = modelFolder();
    damage(folder);
    expect(await failureCode(folder)).toBe(code);
  });

  it.each([
    ['another architecture', { model_type: 'gpt_neox' }],
    ['scaled rotary embedding', { rope_scaling: { type: 'linear', factor: 2 } }],
    ['biases', { attention_bias: true }],
  ])('of a model with %s is refused', async (_, config) => {
    expect(await failureCode(modelFolder({ config }))).toBe('safetensors-unsupported');
  });
});
