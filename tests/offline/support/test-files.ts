import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { z } from 'zod';
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
  const isQwen = config.architecture.startsWith('qwen');
  // llama.cpp knows no architecture of the name Mistral.
  const architecture = isQwen ? config.architecture : 'llama';
  const { vocab, merges } = bpeSchema.parse(JSON.parse(tokenizer.json)).model;
  const tokens = Object.entries(vocab)
    .sort((a, b) => a[1] - b[1])
    .map(([token]) => token);
  const u32 = (value: number): GgufValue => ({ type: GGUF_VALUE.uint32, value });
  const f32 = (value: number): GgufValue => ({ type: GGUF_VALUE.float32, value: Math.fround(value) });
  const text = (value: string): GgufValue => ({ type: GGUF_VALUE.string, value });
  return new Map<string, GgufValue>([
    ['general.architecture', text(architecture)],
    ['general.license', text('apache-2.0')],
    [`${architecture}.block_count`, u32(config.layers)],
    [`${architecture}.context_length`, u32(config.contextLength)],
    [`${architecture}.embedding_length`, u32(config.hiddenSize)],
    [`${architecture}.feed_forward_length`, u32(config.ffnSize)],
    [`${architecture}.attention.head_count`, u32(config.heads)],
    [`${architecture}.attention.head_count_kv`, u32(config.kvHeads)],
    [`${architecture}.rope.freq_base`, f32(config.ropeTheta)],
    [`${architecture}.attention.layer_norm_rms_epsilon`, f32(config.rmsNormEps)],
    [`${architecture}.attention.key_length`, u32(config.headDim)],
    [`${architecture}.attention.value_length`, u32(config.headDim)],
    ['tokenizer.ggml.model', text('gpt2')],
    ['tokenizer.ggml.pre', text(isQwen ? 'qwen2' : 'smollm')],
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
