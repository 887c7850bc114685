import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../../core/result.ts';
import { GGUF_VALUE, type GgufValue } from '../../offline/sources/gguf-header.ts';
import { openGguf } from '../../offline/sources/gguf-model.ts';
import { isInterleaved } from '../../offline/sources/gguf-names.ts';
import { writeGguf } from '../../offline/sources/gguf-writer.ts';
import { openSourceModel } from '../../offline/sources/open-source-model.ts';
import { expectedWeights, layerWeight, type SourceModel } from '../../offline/sources/source-model.ts';
import { largestDifference } from './support/graph-lab.ts';
import { writeModelFolder, writeSafetensors, storedTensors, type Dtype } from './support/model-folder.ts';
import { asGguf, ggufMetadata, temporaryFolder } from './support/test-files.ts';
import { FAMILY_NAMES, tinyFamily, type Family } from './support/tiny-architectures.ts';

const small = (family: Family): SourceModel => tinyFamily(family, 5, { layers: 2, ffnSize: 64 });

function ggufFile(model: SourceModel, change?: (metadata: Map<string, GgufValue>) => void): string {
  const metadata = ggufMetadata(model);
  change?.(metadata);
  const path = join(temporaryFolder(), 'tiny-F32.gguf');
  writeGguf(asGguf(model, metadata), path, 'F32');
  return path;
}

/** A model that computes nothing new but has one more weight in its first layer. */
function withExtra(model: SourceModel, weight: 'qBias' | 'qNorm'): SourceModel {
  return {
    ...model,
    config: { ...model.config, qkvBias: weight === 'qBias', qkNorm: weight === 'qNorm' },
    tensor: (name) =>
      /bias|q_norm|k_norm/.test(name)
        ? new Float32Array(
            expectedWeights({ ...model.config, qkvBias: true, qkNorm: true }).get(name)?.[0] ?? 0,
          )
        : model.tensor(name),
  };
}

async function refusal(path: string): Promise<{ code: string; message: string; remedy: string }> {
  const result = await openSourceModel(path);
  if (result.ok) throw new Error('it opened');
  const { code, message, remedy } = result.failure;
  expect(message).toContain(path);
  expect(message.split('\n')).toHaveLength(1);
  return { code, message: message.replaceAll(path, ''), remedy: remedy ?? '' };
}

describe.each(FAMILY_NAMES)('%s', (family) => {
  const model = small(family);

  it.each<[Dtype, boolean, number]>([
    ['F32', true, 0],
    ['F16', false, 0.002],
    ['BF16', true, 0.02],
  ])('in safetensors %s (sharded: %s) gives back every weight', async (dtype, shards, tolerance) => {
    const opened = unwrap(await openSourceModel(writeModelFolder(model, { dtype, shards })));
    expect(opened.config).toEqual(model.config);
    expect(opened.notes).toEqual([]);
    for (const name of expectedWeights(model.config).keys())
      expect(largestDifference(opened.tensor(name), model.tensor(name)), name).toBeLessThanOrEqual(tolerance);
    opened.close();
  });

  it('in GGUF gives back every weight', async () => {
    const opened = unwrap(await openGguf(ggufFile(model)));
    expect(opened.config).toEqual({
      ...model.config,
      // llama.cpp knows no other name for it.
      architecture: model.config.architecture === 'mistral' ? 'llama' : model.config.architecture,
      rmsNormEps: Math.fround(model.config.rmsNormEps),
    });
    for (const name of expectedWeights(model.config).keys())
      expect(largestDifference(opened.tensor(name), model.tensor(name)), name).toBe(0);
    opened.close();
  });
});

describe('a Qwen GGUF', () => {
  it('keeps q and k rows as they were trained, a Llama GGUF interleaves them', () => {
    const q = layerWeight(0, 'q');
    expect(isInterleaved(small('Qwen2').config, q)).toBe(false);
    expect(isInterleaved(small('Qwen3').config, q)).toBe(false);
    expect(isInterleaved(small('Mistral').config, q)).toBe(true);
    expect(isInterleaved(small('Mistral').config, layerWeight(0, 'v'))).toBe(false);
  });

  it('splits text as its own tokenizer does: digits one by one, contractions, line ends with punctuation', async () => {
    const opened = unwrap(await openGguf(ggufFile(small('Qwen2'))));
    const tokenizer = new Tokenizer(JSON.parse(opened.tokenizer.json), {});
    expect(tokenizer.encode('the 42').tokens.slice(-2)).toEqual(['4', '2']);
    expect(tokenizer.pre_tokenizer?.pre_tokenize_text("we'RE ok!\n", {})).toEqual(['we', "'RE", 'Ġok', '!Ċ']);
    const text = 'Grüße, the 日本 42!\n\n  x';
    expect(tokenizer.decode(tokenizer.encode(text).ids)).toBe(text);
    opened.close();
  });
});

describe('attention that slides over a window', () => {
  const model = small('Mistral');

  it.each([
    ['no window', { sliding_window: null }, 512],
    ['a window as long as the context', { sliding_window: 512 }, 512],
    ['a shorter window', { sliding_window: 128 }, 128],
    ['the window that Mistral has when its config names none', { sliding_window: undefined }, 512],
  ])('with %s is read as far as it equals full attention', async (_, config, contextLength) => {
    const opened = unwrap(await openSourceModel(writeModelFolder(model, { config })));
    expect(opened.config.contextLength).toBe(contextLength);
    expect(opened.notes).toHaveLength(contextLength === 512 ? 0 : 1);
    for (const note of opened.notes ?? []) expect(note).toMatch(/from 512 to 128 tokens/);
    opened.close();
  });

  it('that Qwen carries but does not use changes nothing', async () => {
    const read = async (config: Record<string, unknown>): Promise<number> => {
      const opened = unwrap(await openSourceModel(writeModelFolder(small('Qwen2'), { config })));
      opened.close();
      return opened.config.contextLength;
    };
    expect(await read({ sliding_window: 64, use_sliding_window: false })).toBe(512);
    expect(await read({ sliding_window: 64, use_sliding_window: true })).toBe(64);
  });

  it('is cut in a GGUF as well', async () => {
    const window = (m: Map<string, GgufValue>): unknown =>
      m.set('llama.attention.sliding_window', { type: GGUF_VALUE.uint32, value: 128 });
    const opened = unwrap(await openGguf(ggufFile(model, window)));
    expect(opened.config.contextLength).toBe(128);
    expect(opened.notes).toHaveLength(1);
    opened.close();
  });
});

describe('a model that Bungee would not compute as it was trained is refused by name', () => {
  it.each<[string, Record<string, unknown>, RegExp]>([
    ['another architecture', { model_type: 'gemma3' }, /architecture gemma3; .*llama, mistral, qwen2, qwen3/],
    ['a mixture of experts', { model_type: 'qwen3_moe' }, /qwen3_moe \(a mixture of experts\)/],
    ['scaled rotary embedding', { rope_scaling: { rope_type: 'llama3', factor: 8 } }, /rotary .*llama3/],
    [
      'scaled rotary parameters',
      { rope_parameters: { rope_type: 'yarn', rope_theta: 1e6 } },
      /rotary .*yarn/,
    ],
    ['a partly rotated head', { partial_rotary_factor: 0.5 }, /only part of each head/],
    ['a bias on the attention output', { attention_bias: true }, /attention_bias/],
    ['MLP biases', { mlp_bias: true }, /mlp_bias/],
    ['another activation', { hidden_act: 'gelu' }, /hidden_act gelu; .*silu/],
    ['quantized weights', { quantization_config: { quant_method: 'awq' } }, /quantized \(awq\)/],
    ['heads that do not share evenly', { num_key_value_heads: 3 }, /4 query heads .*3 KV heads/],
    ['heads of an odd size', { head_dim: 24 }, /heads of 24 channels; .*multiple of 16/],
    ['an odd width', { hidden_size: 72 }, /width of 72; .*multiple of 32/],
  ])('from safetensors: %s', async (_, config, names) => {
    const { code, message, remedy } = await refusal(
      writeModelFolder(small('SmolLM2'), {
        config: { num_attention_heads: 4, num_key_value_heads: 2, head_dim: 32, ...config },
      }),
    );
    expect(code).toBe('safetensors-unsupported');
    expect(message).toMatch(names);
    expect(remedy).toContain('Qwen3');
  });

  it('from safetensors: a weight that the config does not tell of', async () => {
    const model = small('Mistral');
    const folder = writeModelFolder(model);
    const weights = storedTensors(model, 'F32');
    const path = join(folder, 'model.safetensors');
    const add = (name: string): void =>
      writeSafetensors(
        path,
        new Map([...weights, [name, { dtype: 'F32', shape: [1], bytes: Buffer.alloc(4) }]]),
      );
    add('model.layers.0.self_attn.o_proj.bias');
    const { code, message } = await refusal(folder);
    expect(code).toBe('safetensors-unsupported');
    expect(message).toContain('model.layers.0.self_attn.o_proj.bias');
    add('model.layers.0.self_attn.rotary_emb.inv_freq');
    unwrap(await openSourceModel(folder)).close();
  });

  it.each<[string, string, GgufValue, RegExp]>([
    ['another architecture', 'general.architecture', { type: GGUF_VALUE.string, value: 'phi3' }, /phi3/],
    [
      'scaled rotary embedding',
      'qwen2.rope.scaling.type',
      { type: GGUF_VALUE.string, value: 'yarn' },
      /rotary/,
    ],
    [
      'a partly rotated head',
      'qwen2.rope.dimension_count',
      { type: GGUF_VALUE.uint32, value: 8 },
      /part of each/,
    ],
    ['experts', 'qwen2.expert_count', { type: GGUF_VALUE.uint32, value: 8 }, /mixture of experts/],
    [
      'values of another width',
      'qwen2.attention.value_length',
      { type: GGUF_VALUE.uint32, value: 8 },
      /width/,
    ],
  ])('from GGUF: %s', async (_, key, value, names) => {
    const { code, message, remedy } = await refusal(ggufFile(small('Qwen2'), (m) => m.set(key, value)));
    expect(code).toBe('gguf-unsupported');
    expect(message).toMatch(names);
    expect(remedy).toContain('Qwen3');
  });

  it.each(['qBias', 'qNorm'] as const)('from GGUF: a Llama with a tensor %s of its own', async (weight) => {
    const { code, message } = await refusal(ggufFile(withExtra(small('SmolLM2'), weight)));
    expect(code).toBe('gguf-unsupported');
    expect(message).toMatch(weight === 'qBias' ? /blk\.0\.attn_q\.bias/ : /blk\.0\.attn_q_norm/);
  });

  it('from GGUF: a Qwen2 without its biases is called damaged', async () => {
    const model = small('SmolLM2');
    const asQwen = (m: Map<string, GgufValue>): void => {
      for (const [key, value] of [...m])
        if (key.startsWith('llama.')) m.set(key.replace('llama.', 'qwen2.'), value);
      m.set('general.architecture', { type: GGUF_VALUE.string, value: 'qwen2' });
    };
    const { code, message } = await refusal(ggufFile(model, asQwen));
    expect(code).toBe('gguf-corrupt');
    expect(message).toContain('blk.0.attn_q.bias is missing');
  });
});
