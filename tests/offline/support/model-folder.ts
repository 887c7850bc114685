import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelConfig } from '../../../core/model-config.ts';
import { floatToHalf } from '../../../offline/quantize/half-float.ts';
import { expectedWeights, type SourceModel } from '../../../offline/sources/source-model.ts';
import { temporaryFolder } from './test-files.ts';

export type Dtype = 'F32' | 'F16' | 'BF16';

function encode(dtype: Dtype, values: Float32Array): Buffer {
  const out = Buffer.alloc(values.length * (dtype === 'F32' ? 4 : 2));
  for (const [i, value] of values.entries())
    if (dtype === 'F32') out.writeFloatLE(value, i * 4);
    else if (dtype === 'F16') out.writeUInt16LE(floatToHalf(value), i * 2);
    else out.writeUInt16LE((new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0) >>> 16, i * 2);
  return out;
}

/** A model's weights as a safetensors file has them. */
export function storedTensors(model: SourceModel, dtype: Dtype): Map<string, StoredTensor> {
  return new Map(
    [...expectedWeights(model.config)].map(([name, shape]) => [
      name,
      { dtype, shape, bytes: encode(dtype, model.tensor(name)) },
    ]),
  );
}

export interface FolderOptions {
  readonly dtype?: Dtype;
  /** Its weights lie in two files behind an index. */
  readonly shards?: boolean;
  /** Changes to config.json. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** A model folder as the hub has it. */
export function writeModelFolder(model: SourceModel, options: FolderOptions = {}): string {
  const { dtype = 'F32', shards = false, config = {} } = options;
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...configJson(model.config), ...config }));
  writeFileSync(join(folder, 'tokenizer.json'), model.tokenizer.json);
  writeFileSync(
    join(folder, 'tokenizer_config.json'),
    JSON.stringify({
      chat_template: 'T{{ x }}',
      bos_token: '<|im_start|>',
      eos_token: { content: '<|im_end|>' },
    }),
  );
  writeFileSync(join(folder, 'README.md'), '---\nlicense: apache-2.0\n---\n# Tiny');
  const all = [...storedTensors(model, dtype)];
  if (!shards) {
    writeSafetensors(join(folder, 'model.safetensors'), new Map(all));
    return folder;
  }
  const names = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const;
  writeSafetensors(join(folder, names[0]), new Map(all.slice(0, 8)));
  writeSafetensors(join(folder, names[1]), new Map(all.slice(8)));
  const weightMap = Object.fromEntries(all.map(([name], i) => [name, names[i < 8 ? 0 : 1]]));
  writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: weightMap }));
  return folder;
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

const CLASSES: Record<ModelConfig['architecture'], string> = {
  llama: 'LlamaForCausalLM',
  mistral: 'MistralForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
  qwen3: 'Qwen3ForCausalLM',
};
/** Keys that the published configs of an architecture carry. */
const OWN_KEYS: Record<ModelConfig['architecture'], Record<string, unknown>> = {
  llama: { attention_bias: false, mlp_bias: false, pretraining_tp: 1 },
  mistral: { sliding_window: null },
  qwen2: { sliding_window: 32, use_sliding_window: false, max_window_layers: 2 },
  qwen3: { sliding_window: null, use_sliding_window: false, attention_bias: false },
};

/** config.json as transformers writes it for each architecture. */
export function configJson(config: ModelConfig): Record<string, unknown> {
  return {
    architectures: [CLASSES[config.architecture]],
    model_type: config.architecture,
    head_dim: config.headDim,
    hidden_act: 'silu',
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
    ...OWN_KEYS[config.architecture],
  };
}
