import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { z } from 'zod';
import type { ModelConfig } from '../../../core/model-config.ts';
import { GGUF_VALUE, type GgufValue } from '../../../offline/sources/gguf-header.ts';
import type { GgufModel } from '../../../offline/sources/gguf-model.ts';
import type { SourceModel } from '../../../offline/sources/source-model.ts';

/** A folder that is removed when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bungee-offline-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const bpeSchema = z.object({
  model: z.object({ vocab: z.record(z.string(), z.number()), merges: z.array(z.string()) }),
});

/** GGUF metadata of a model, as llama.cpp's converter writes it. */
export function ggufMetadata(model: SourceModel): Map<string, GgufValue> {
  const { config, tokenizer } = model;
  const { vocab, merges } = bpeSchema.parse(JSON.parse(tokenizer.json)).model;
  const tokens = Object.entries(vocab)
    .sort((a, b) => a[1] - b[1])
    .map(([token]) => token);
  const u32 = (value: number): GgufValue => ({ type: GGUF_VALUE.uint32, value });
  const f32 = (value: number): GgufValue => ({ type: GGUF_VALUE.float32, value: Math.fround(value) });
  const text = (value: string): GgufValue => ({ type: GGUF_VALUE.string, value });
  return new Map<string, GgufValue>([
    ['general.architecture', text('llama')],
    ['general.license', text('apache-2.0')],
    ['llama.block_count', u32(config.layers)],
    ['llama.context_length', u32(config.contextLength)],
    ['llama.embedding_length', u32(config.hiddenSize)],
    ['llama.feed_forward_length', u32(config.ffnSize)],
    ['llama.attention.head_count', u32(config.heads)],
    ['llama.attention.head_count_kv', u32(config.kvHeads)],
    ['llama.rope.freq_base', f32(config.ropeTheta)],
    ['llama.attention.layer_norm_rms_epsilon', f32(config.rmsNormEps)],
    ['tokenizer.ggml.model', text('gpt2')],
    ['tokenizer.ggml.pre', text('smollm')],
    ['tokenizer.ggml.tokens', { type: GGUF_VALUE.array, itemType: GGUF_VALUE.string, value: tokens }],
    [
      'tokenizer.ggml.token_type',
      { type: GGUF_VALUE.array, itemType: GGUF_VALUE.int32, value: tokens.map((_, id) => (id < 3 ? 3 : 1)) },
    ],
    ['tokenizer.ggml.merges', { type: GGUF_VALUE.array, itemType: GGUF_VALUE.string, value: merges }],
    ['tokenizer.ggml.bos_token_id', u32(1)],
    ['tokenizer.ggml.eos_token_id', u32(2)],
    ['tokenizer.ggml.unknown_token_id', u32(0)],
    ['tokenizer.ggml.add_bos_token', { type: GGUF_VALUE.bool, value: false }],
    ['tokenizer.chat_template', text(tokenizer.chatTemplate)],
  ]);
}

/** A model dressed as one that was read from a GGUF file, for the writer. */
export function asGguf(model: SourceModel, metadata = ggufMetadata(model)): GgufModel {
  return { ...model, header: { metadata, tensors: new Map() } };
}

export type StoredTensor = { dtype: string; shape: readonly number[]; bytes: Buffer };

/** A safetensors file by the format's own description: header length, JSON header, data. */
export function writeSafetensors(path: string, tensors: ReadonlyMap<string, StoredTensor>): void {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let offset = 0;
  for (const [name, { dtype, shape, bytes }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
    offset += bytes.length;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  writeFileSync(path, Buffer.concat([length, json, ...[...tensors.values()].map(({ bytes }) => bytes)]));
}

/** config.json as transformers writes it for a Llama. */
export function configJson(config: ModelConfig): Record<string, unknown> {
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: config.hiddenSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    intermediate_size: config.ffnSize,
    vocab_size: config.vocabSize,
    max_position_embeddings: config.contextLength,
    rope_theta: config.ropeTheta,
    rope_scaling: null,
    rms_norm_eps: config.rmsNormEps,
    tie_word_embeddings: config.tiedEmbedding,
    eos_token_id: 2,
    bos_token_id: 1,
  };
}
