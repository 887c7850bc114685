import { createHash } from 'node:crypto';
import { closeSync, existsSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { modelConfigSchema, type ModelConfig } from '../../core/model-config.ts';
import { parseJsonWith, parseWith } from '../../core/parse.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { hashFile } from '../bundle/hash-file.ts';
import { readExactly } from './byte-window.ts';
import { dequantizeGgml } from './gguf-blocks.ts';
import { openSafetensorsFile, type SafetensorsFile } from './safetensors-header.ts';
import { readFolderTokenizer } from './folder-tokenizer.ts';
import { expectedWeights, type SourceModel } from './source-model.ts';

const WEIGHTS_FILE = 'model.safetensors';
const INDEX_FILE = 'model.safetensors.index.json';

const configFileSchema = z.object({
  architectures: z.array(z.string()).optional(),
  model_type: z.string(),
  hidden_size: z.number(),
  num_hidden_layers: z.number(),
  num_attention_heads: z.number(),
  num_key_value_heads: z.number().optional(),
  head_dim: z.number().nullish(),
  intermediate_size: z.number(),
  vocab_size: z.number(),
  max_position_embeddings: z.number(),
  rope_theta: z.number().optional(),
  rope_scaling: z.unknown().optional(),
  rms_norm_eps: z.number(),
  tie_word_embeddings: z.boolean().optional(),
  attention_bias: z.boolean().optional(),
  mlp_bias: z.boolean().optional(),
  eos_token_id: z.union([z.int(), z.array(z.int())]).nullish(),
  bos_token_id: z.int().nullish(),
});

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string().regex(/^[\w.-]+$/)) });

type ConfigFile = z.infer<typeof configFileSchema>;

function toModelConfig(file: ConfigFile, path: string): Result<ModelConfig> {
  const unsupported = (what: string): Result<never> =>
    fail(
      'safetensors-unsupported',
      `${path}: ${what}.`,
      'Name a plain Llama-family model, e.g. SmolLM2-135M-Instruct.',
    );
  if (file.model_type !== 'llama')
    return unsupported(`model_type ${file.model_type}; Bungee elasticizes the Llama family`);
  if (file.rope_scaling !== undefined && file.rope_scaling !== null)
    return unsupported('it scales its rotary embedding, which Bungee does not read yet');
  if (file.attention_bias === true || file.mlp_bias === true)
    return unsupported('it has biases in its linear layers, which Bungee does not read yet');
  return parseWith(
    modelConfigSchema,
    {
      architecture: 'llama',
      hiddenSize: file.hidden_size,
      layers: file.num_hidden_layers,
      heads: file.num_attention_heads,
      kvHeads: file.num_key_value_heads ?? file.num_attention_heads,
      headDim: file.head_dim ?? file.hidden_size / file.num_attention_heads,
      ffnSize: file.intermediate_size,
      vocabSize: file.vocab_size,
      contextLength: file.max_position_embeddings,
      ropeTheta: file.rope_theta ?? 10_000,
      rmsNormEps: file.rms_norm_eps,
      tiedEmbedding: file.tie_word_embeddings ?? false,
    },
    path,
  );
}

/** The files that hold the weights: one, or those that the index names. */
function weightFiles(folder: string): Result<string[]> {
  if (existsSync(join(folder, WEIGHTS_FILE))) return ok([WEIGHTS_FILE]);
  const indexPath = join(folder, INDEX_FILE);
  if (!existsSync(indexPath))
    return fail(
      'model-incomplete',
      `${folder} holds neither ${WEIGHTS_FILE} nor ${INDEX_FILE}.`,
      'Name a GGUF file or a folder as the Hugging Face hub has it.',
    );
  const index = parseJsonWith(indexSchema, readFileSync(indexPath, 'utf8'), indexPath);
  return index.ok ? ok([...new Set(Object.values(index.value.weight_map))].sort()) : index;
}

/**
 * Opens a folder in the Hugging Face layout: config.json, tokenizer.json, tokenizer_config.json and safetensors,
 * whole or in shards. Failures: `model-incomplete`, `invalid-input`, `invalid-json`, those of
 * {@link openSafetensorsFile}, and `safetensors-corrupt` where a tensor is absent or has the wrong shape.
 */
export async function openSafetensors(folder: string, signal?: AbortSignal): Promise<Result<SourceModel>> {
  const configPath = join(folder, 'config.json');
  if (!existsSync(configPath))
    return fail(
      'model-incomplete',
      `${folder} has no config.json.`,
      'Name a GGUF file or a folder as the Hugging Face hub has it.',
    );
  const configFile = parseJsonWith(configFileSchema, readFileSync(configPath, 'utf8'), configPath);
  if (!configFile.ok) return configFile;
  const config = toModelConfig(configFile.value, configPath);
  if (!config.ok) return config;
  const eos = configFile.value.eos_token_id;
  const tokenizer = readFolderTokenizer(folder, {
    bosTokenId: configFile.value.bos_token_id ?? null,
    eosTokenIds: typeof eos === 'number' ? [eos] : (eos ?? []),
  });
  if (!tokenizer.ok) return tokenizer;
  const names = weightFiles(folder);
  if (!names.ok) return names;

  const files: SafetensorsFile[] = [];
  const close = (): void => {
    for (const file of files.splice(0)) closeSync(file.fd);
  };
  for (const name of names.value) {
    const file = openSafetensorsFile(join(folder, name));
    if (!file.ok) {
      close();
      return file;
    }
    files.push(file.value);
  }
  const find = (name: string) => {
    for (const file of files) {
      const info = file.tensors.get(name);
      if (info !== undefined) return { file, info };
    }
    return null;
  };
  for (const [name, shape] of expectedWeights(config.value)) {
    const found = find(name)?.info.shape.join('x');
    if (found !== shape.join('x')) {
      close();
      return fail(
        'safetensors-corrupt',
        `${folder} is damaged: tensor ${name} is ${found ?? 'missing'}, expected ${shape.join('x')}.`,
        'Fetch the model again, or name another one.',
      );
    }
  }
  const hash = createHash('sha256');
  for (const name of names.value) hash.update(await hashFile(join(folder, name), signal));
  const mainType = [...(files[0]?.tensors.values() ?? [])][0]?.type ?? 'F32';
  return ok({
    name: basename(resolve(folder)),
    format: `safetensors ${mainType}`,
    sha256:
      names.value.length === 1
        ? await hashFile(join(folder, names.value[0] ?? ''), signal)
        : hash.digest('hex'),
    licence: readLicence(folder),
    config: config.value,
    tokenizer: tokenizer.value,
    tensor: (name) => {
      const found = find(name);
      if (found === null) throw new RangeError(`no weight named ${name}`);
      const { file, info } = found;
      const elements = info.shape.reduce((product, dim) => product * dim, 1);
      return dequantizeGgml(info.type, readExactly(file.fd, info.offset, info.sizeBytes), elements);
    },
    close,
  });
}

/** From the model card's front matter (`license: apache-2.0`) and a LICENSE file. */
function readLicence(folder: string): SourceModel['licence'] {
  const card = join(folder, 'README.md');
  const spdx = existsSync(card) ? /^license:\s*([\w.-]+)/m.exec(readFileSync(card, 'utf8'))?.[1] : undefined;
  const file = ['LICENSE', 'LICENSE.txt', 'NOTICE'].find((name) => existsSync(join(folder, name)));
  return {
    spdx: spdx ?? 'unknown',
    notice: file === undefined ? '' : readFileSync(join(folder, file), 'utf8').slice(0, 20_000),
  };
}
