import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ModelConfig } from '../../core/model-config.ts';
import { GGUF_VALUE, type GgufValue } from '../sources/gguf-header.ts';
import type { GgufModel } from '../sources/gguf-model.ts';
import type { TokenizerSource } from '../sources/source-model.ts';
import { BUILT_IN_MODEL } from './built-in-model.ts';
import { parameterLayout, sourceTensor } from './parameters.ts';

const bpeSchema = z.object({
  added_tokens: z.array(z.object({ id: z.int() })),
  model: z.object({ vocab: z.record(z.string(), z.int()), merges: z.array(z.string()) }),
});

/** llama.cpp's token types. */
const TOKEN_NORMAL = 1;
const TOKEN_CONTROL = 3;

/** GGUF metadata, so that llama.cpp and Bungee's own reader open the file. */
function metadata(
  config: ModelConfig,
  tokenizer: TokenizerSource,
  notice: string,
): ReadonlyMap<string, GgufValue> {
  const { added_tokens, model } = bpeSchema.parse(JSON.parse(tokenizer.json));
  const special = new Set(added_tokens.map(({ id }) => id));
  const tokens = Object.entries(model.vocab)
    .sort((a, b) => a[1] - b[1])
    .map(([token]) => token);
  const u32 = (value: number): GgufValue => ({ type: GGUF_VALUE.uint32, value });
  const f32 = (value: number): GgufValue => ({ type: GGUF_VALUE.float32, value: Math.fround(value) });
  const text = (value: string): GgufValue => ({ type: GGUF_VALUE.string, value });
  const list = (itemType: number, value: readonly (number | string)[]): GgufValue => ({
    type: GGUF_VALUE.array,
    itemType,
    value,
  });
  return new Map([
    ['general.architecture', text('llama')],
    ['general.name', text(BUILT_IN_MODEL)],
    ['general.license', text('apache-2.0')],
    // The reader takes the licence notice from here.
    ['general.organization', text(notice)],
    ['llama.block_count', u32(config.layers)],
    ['llama.context_length', u32(config.contextLength)],
    ['llama.embedding_length', u32(config.hiddenSize)],
    ['llama.feed_forward_length', u32(config.ffnSize)],
    ['llama.vocab_size', u32(config.vocabSize)],
    ['llama.attention.head_count', u32(config.heads)],
    ['llama.attention.head_count_kv', u32(config.kvHeads)],
    ['llama.attention.key_length', u32(config.headDim)],
    ['llama.attention.value_length', u32(config.headDim)],
    ['llama.rope.dimension_count', u32(config.headDim)],
    ['llama.rope.freq_base', f32(config.ropeTheta)],
    ['llama.attention.layer_norm_rms_epsilon', f32(config.rmsNormEps)],
    ['tokenizer.ggml.model', text('gpt2')],
    ['tokenizer.ggml.pre', text('smollm')],
    ['tokenizer.ggml.tokens', list(GGUF_VALUE.string, tokens)],
    [
      'tokenizer.ggml.token_type',
      list(
        GGUF_VALUE.int32,
        tokens.map((_, id) => (special.has(id) ? TOKEN_CONTROL : TOKEN_NORMAL)),
      ),
    ],
    ['tokenizer.ggml.merges', list(GGUF_VALUE.string, model.merges)],
    ['tokenizer.ggml.bos_token_id', u32(tokenizer.bosTokenId ?? 0)],
    ['tokenizer.ggml.eos_token_id', u32(tokenizer.eosTokenIds[0] ?? 0)],
    ['tokenizer.ggml.unknown_token_id', u32(0)],
    ['tokenizer.ggml.add_bos_token', { type: GGUF_VALUE.bool, value: tokenizer.addBos }],
    ['tokenizer.chat_template', text(tokenizer.chatTemplate)],
  ]);
}

/** Trained parameters as a model that can be elasticized, or written as GGUF. */
export function trainedModel(
  config: ModelConfig,
  parameters: Float32Array,
  tokenizer: TokenizerSource,
  notice: string,
): GgufModel {
  const entries = new Map(parameterLayout(config).entries.map((entry) => [entry.sourceName, entry] as const));
  return {
    name: BUILT_IN_MODEL,
    format: 'trained f32',
    sha256: createHash('sha256').update(parameters).digest('hex'),
    licence: { spdx: 'Apache-2.0', notice },
    config,
    tokenizer,
    header: { metadata: metadata(config, tokenizer, notice), tensors: new Map() },
    tensor: (name) => {
      const entry = entries.get(name);
      if (entry === undefined) throw new RangeError(`no weight named ${name}`);
      return sourceTensor(parameters, entry);
    },
    close: () => undefined,
  };
}
