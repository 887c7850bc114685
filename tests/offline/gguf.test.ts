import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../../core/result.ts';
import { GGUF_VALUE, type GgufValue } from '../../offline/sources/gguf-header.ts';
import { openGguf } from '../../offline/sources/gguf-model.ts';
import { permuteRotaryRows, unpermuteRotaryRows } from '../../offline/sources/gguf-names.ts';
import { writeGguf } from '../../offline/sources/gguf-writer.ts';
import { openSourceModel } from '../../offline/sources/open-source-model.ts';
import { expectedWeights, layerWeight } from '../../offline/sources/source-model.ts';
import { tinySourceModel } from '../../offline/sources/tiny-model.ts';
import { largestDifference } from './support/graph-lab.ts';
import { asGguf, ggufMetadata, temporaryFolder } from './support/test-files.ts';

const model = tinySourceModel({ seed: 2 });

function tinyFile(change?: (metadata: Map<string, GgufValue>) => void): string {
  const metadata = ggufMetadata(model);
  change?.(metadata);
  const path = join(temporaryFolder(), 'tiny-F32.gguf');
  writeGguf(asGguf(model, metadata), path, 'F32');
  return path;
}

async function failureCode(path: string): Promise<string> {
  const result = await openSourceModel(path);
  if (result.ok) throw new Error('it opened');
  expect(result.failure.message).toContain(path);
  expect(result.failure.message.split('\n')).toHaveLength(1);
  return result.failure.code;
}

describe('a GGUF file', () => {
  it('gives back every weight, the shape, the tokenizer and the licence', async () => {
    const opened = unwrap(await openGguf(tinyFile()));
    expect(opened.config).toEqual({ ...model.config, rmsNormEps: Math.fround(model.config.rmsNormEps) });
    expect(opened.name).toBe('tiny');
    expect(opened.format).toBe('GGUF F32');
    expect(opened.licence.spdx).toBe('apache-2.0');
    expect(opened.tokenizer.eosTokenIds).toEqual([2]);
    expect(opened.tokenizer.chatTemplate).toBe(model.tokenizer.chatTemplate);
    for (const name of expectedWeights(model.config).keys())
      expect(opened.tensor(name), name).toEqual(model.tensor(name));
    opened.close();
  });

  it('holds rotary rows as llama.cpp has them: row 2i of a head is row i, row 2i + 1 is row i + half', () => {
    const headDim = 8;
    const rows = Float32Array.from({ length: 2 * headDim }, (_, row) => row);
    expect([...permuteRotaryRows(rows, 1, headDim).subarray(0, headDim)]).toEqual([0, 4, 1, 5, 2, 6, 3, 7]);
    expect([...permuteRotaryRows(rows, 1, headDim).subarray(headDim)]).toEqual([
      8, 12, 9, 13, 10, 14, 11, 15,
    ]);
    expect(unpermuteRotaryRows(permuteRotaryRows(rows, 1, headDim), 1, headDim)).toEqual(rows);
  });

  it.each(['Q8_0', 'Q4_0'] as const)(
    'written as %s holds nearly the same weights in less space',
    async (type) => {
      const folder = temporaryFolder();
      const path = join(folder, 'tiny.gguf');
      writeGguf(asGguf(model), path, type);
      const opened = unwrap(await openGguf(path));
      const name = layerWeight(1, 'q');
      const difference = largestDifference(opened.tensor(name), model.tensor(name));
      expect(difference).toBeLessThan(type === 'Q8_0' ? 0.005 : 0.08);
      expect(opened.tensor(layerWeight(0, 'mlpNorm'))).toEqual(model.tensor(layerWeight(0, 'mlpNorm')));
      expect(statSync(path).size).toBeLessThan(statSync(tinyFile()).size / 2);
      opened.close();
    },
  );

  it('leaves nothing behind when its writing is cancelled', () => {
    const folder = temporaryFolder();
    const path = join(folder, 'tiny.gguf');
    const cancel = (): void => {
      throw new Error('cancelled');
    };
    expect(() => writeGguf(asGguf(model), path, 'F32', cancel)).toThrow('cancelled');
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
    expect(statSync(`${path}.part`, { throwIfNoEntry: false })).toBeUndefined();
  });

  it('rebuilds a tokenizer that splits digits and knows the control tokens', async () => {
    const opened = unwrap(await openGguf(tinyFile()));
    const tokenizer = new Tokenizer(JSON.parse(opened.tokenizer.json), {});
    const { ids, tokens } = tokenizer.encode('<|im_start|>the 42<|im_end|>');
    expect(ids[0]).toBe(1);
    expect(ids.at(-1)).toBe(2);
    expect(tokens.slice(-3, -1)).toEqual(['4', '2']);
    expect(tokenizer.decode(tokenizer.encode('Grüße, the 日本 42!').ids)).toBe('Grüße, the 日本 42!');
    opened.close();
  });
});

describe('a GGUF file that cannot be used', () => {
  const value = (type: number, content: GgufValue['value']): GgufValue => ({ type, value: content });

  it.each<[string, string, (bytes: Buffer) => Buffer]>([
    ['is empty', 'gguf-foreign', () => Buffer.alloc(0)],
    ['is something else', 'gguf-foreign', () => Buffer.from('PK\u0003\u0004 a zip file')],
    ['is of version 2', 'gguf-version', (bytes) => patched(bytes, 4, 2)],
    ['ends inside of the header', 'gguf-truncated', (bytes) => bytes.subarray(0, 900)],
    ['ends inside of a tensor', 'gguf-truncated', (bytes) => bytes.subarray(0, bytes.length - 200_000)],
    ['counts more tensors than it holds', 'gguf-truncated', (bytes) => patched(bytes, 12, 0xffff)],
    ['has a value of a type that does not exist', 'gguf-corrupt', (bytes) => patched(bytes, 24 + 8 + 20, 77)],
    ['stores a tensor in an unknown type', 'gguf-unsupported', (bytes) => patchedTensorType(bytes, 12)],
  ])('because it %s fails in one clear line', async (_, code, change) => {
    const path = join(temporaryFolder(), 'bad.gguf');
    writeFileSync(path, change(readFileSync(tinyFile())));
    expect(await failureCode(path)).toBe(code);
  });

  it.each<[string, string, (metadata: Map<string, GgufValue>) => void]>([
    [
      'of another architecture',
      'gguf-unsupported',
      (m) => m.set('general.architecture', value(GGUF_VALUE.string, 'mamba')),
    ],
    [
      'with an unknown tokenizer',
      'gguf-unsupported',
      (m) => m.set('tokenizer.ggml.pre', value(GGUF_VALUE.string, 'odd')),
    ],
    [
      'with scaled rotary embedding',
      'gguf-unsupported',
      (m) => m.set('llama.rope.scaling.type', value(GGUF_VALUE.string, 'yarn')),
    ],
    ['without its vocabulary', 'gguf-corrupt', (m) => m.delete('tokenizer.ggml.tokens')],
    ['without its width', 'invalid-input', (m) => m.delete('llama.embedding_length')],
    [
      'whose width does not match its tensors',
      'gguf-corrupt',
      (m) => m.set('llama.feed_forward_length', value(GGUF_VALUE.uint32, 999)),
    ],
  ])('%s fails in one clear line', async (_, code, change) => {
    expect(await failureCode(tinyFile(change))).toBe(code);
  });

  it('because it is not there fails in one clear line', async () => {
    expect(await failureCode(join(temporaryFolder(), 'nothing.gguf'))).toBe('file-missing');
  });
});

function patched(bytes: Buffer, offset: number, value: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt32LE(value, offset);
  return copy;
}

/** Changes the type code of the first tensor: name, rank 2, two dims, type. */
function patchedTensorType(bytes: Buffer, type: number): Buffer {
  const name = Buffer.from('token_embd.weight');
  const at = bytes.lastIndexOf(name, bytes.indexOf('output_norm.weight')) + name.length;
  return patched(bytes, at + 4 + 2 * 8, type);
}
