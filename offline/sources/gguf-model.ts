import { closeSync, fstatSync, openSync } from 'node:fs';
import { basename } from 'node:path';
import { modelConfigSchema, type ModelConfig } from '../../core/model-config.ts';
import { parseWith } from '../../core/parse.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { hashFile } from '../bundle/hash-file.ts';
import { readExactly } from './byte-window.ts';
import { dequantizeGgml } from './gguf-blocks.ts';
import { readGgufHeader, type GgufHeader } from './gguf-header.ts';
import { readGgufTokenizer } from './gguf-tokenizer.ts';
import { expectedWeights, layerWeight, WEIGHTS, type LayerWeight, type SourceModel } from './source-model.ts';

/** llama.cpp's tensor names (gguf-py/gguf/constants.py, architecture llama). */
const GGUF_LAYER_TENSORS: Record<LayerWeight, string> = {
  attentionNorm: 'attn_norm',
  q: 'attn_q',
  k: 'attn_k',
  v: 'attn_v',
  o: 'attn_output',
  mlpNorm: 'ffn_norm',
  gate: 'ffn_gate',
  up: 'ffn_up',
  down: 'ffn_down',
};

/** Canonical weight name -> name in the GGUF. */
export function ggufTensorNames(config: ModelConfig): Map<string, string> {
  const names = new Map<string, string>([
    [WEIGHTS.embedding, 'token_embd.weight'],
    [WEIGHTS.finalNorm, 'output_norm.weight'],
    [WEIGHTS.head, 'output.weight'],
  ]);
  for (let layer = 0; layer < config.layers; layer++)
    for (const [weight, name] of Object.entries(GGUF_LAYER_TENSORS) as [LayerWeight, string][])
      names.set(layerWeight(layer, weight), `blk.${layer}.${name}.weight`);
  return names;
}

/**
 * llama.cpp stores q and k rows of a head pairwise interleaved (its rotary convention); this restores the
 * half-split order: row h * headDim + half * headDim/2 + i comes from h * headDim + 2i + half.
 */
export function unpermuteRotaryRows(rows: Float32Array, width: number, headDim: number): Float32Array {
  const out = new Float32Array(rows.length);
  const half = headDim / 2;
  const headSize = headDim * width;
  for (let head = 0; head < rows.length; head += headSize)
    for (let i = 0; i < headDim; i++) {
      const from = head + (2 * (i % half) + Math.floor(i / half)) * width;
      out.set(rows.subarray(from, from + width), head + i * width);
    }
  return out;
}

/** The inverse of {@link unpermuteRotaryRows}, for writing GGUF. */
export function permuteRotaryRows(rows: Float32Array, width: number, headDim: number): Float32Array {
  const out = new Float32Array(rows.length);
  const half = headDim / 2;
  const headSize = headDim * width;
  for (let head = 0; head < rows.length; head += headSize)
    for (let i = 0; i < headDim; i++) {
      const from = head + i * width;
      out.set(rows.subarray(from, from + width), head + (2 * (i % half) + Math.floor(i / half)) * width);
    }
  return out;
}

function readConfig(header: GgufHeader, path: string): Result<ModelConfig> {
  const architecture = header.metadata.get('general.architecture')?.value;
  if (architecture !== 'llama')
    return fail(
      'gguf-unsupported',
      `${path} holds a model of architecture ${String(architecture)}; Bungee elasticizes the Llama family.`,
      'Name a Llama-family model, e.g. SmolLM2-135M-Instruct.',
    );
  const number = (key: string): number | undefined => {
    const value = header.metadata.get(`llama.${key}`)?.value;
    return typeof value === 'number' ? value : undefined;
  };
  const hiddenSize = number('embedding_length');
  const heads = number('attention.head_count');
  const headDim =
    number('attention.key_length') ??
    (hiddenSize !== undefined && heads !== undefined ? hiddenSize / heads : undefined);
  const rotaryDim = number('rope.dimension_count') ?? headDim;
  if (
    rotaryDim !== headDim ||
    header.metadata.has('llama.rope.scaling.type') ||
    header.tensors.has('rope_freqs.weight')
  )
    return fail(
      'gguf-unsupported',
      `${path} scales or cuts its rotary embedding, which Bungee does not read yet.`,
      'Name a Llama-family model with plain rotary embedding.',
    );
  return parseWith(
    modelConfigSchema,
    {
      architecture,
      hiddenSize,
      layers: number('block_count'),
      heads,
      kvHeads: number('attention.head_count_kv') ?? heads,
      headDim,
      ffnSize: number('feed_forward_length'),
      vocabSize: header.tensors.get('token_embd.weight')?.dims[1],
      contextLength: number('context_length'),
      ropeTheta: number('rope.freq_base') ?? 10_000,
      rmsNormEps: number('attention.layer_norm_rms_epsilon'),
      tiedEmbedding: !header.tensors.has('output.weight'),
    },
    `metadata of ${path}`,
  );
}

/** Names the storage of the weights by what most of the tensors use. */
function mainType(header: GgufHeader): string {
  const bytes = new Map<string, number>();
  for (const tensor of header.tensors.values())
    if (tensor.name.startsWith('blk.'))
      bytes.set(tensor.type, (bytes.get(tensor.type) ?? 0) + tensor.sizeBytes);
  return [...bytes].sort((a, b) => b[1] - a[1])[0]?.[0] ?? '?';
}

export interface GgufModel extends SourceModel {
  readonly header: GgufHeader;
}

/**
 * Opens a GGUF v3 file of the Llama family. Failures: `file-missing`, those of `readGgufHeader`, and
 * `gguf-corrupt` where a tensor is absent or has the wrong shape.
 */
export async function openGguf(path: string, signal?: AbortSignal): Promise<Result<GgufModel>> {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    return fail('file-missing', `${path} cannot be opened.`, 'Check the path.', String(error));
  }
  const closeAnd = <T>(result: Result<T>): Result<T> => {
    closeSync(fd);
    return result;
  };
  const header = readGgufHeader(fd, fstatSync(fd).size, path);
  if (!header.ok) return closeAnd(header);
  const config = readConfig(header.value, path);
  if (!config.ok) return closeAnd(config);
  const names = ggufTensorNames(config.value);
  for (const [name, shape] of expectedWeights(config.value)) {
    const stored = names.get(name) ?? name;
    const dims = header.value.tensors.get(stored)?.dims;
    const wanted = [...shape].reverse();
    if (dims === undefined || dims.join('x') !== wanted.join('x'))
      return closeAnd(
        fail(
          'gguf-corrupt',
          `${path} is damaged: tensor ${stored} is ${dims === undefined ? 'missing' : dims.join('x')}, expected ${wanted.join('x')}.`,
          'Fetch the file again, or name another model.',
        ),
      );
  }
  const tokenizer = readGgufTokenizer(header.value, path);
  if (!tokenizer.ok) return closeAnd(tokenizer);
  const sha256 = await hashFile(path, signal);
  const { headDim, hiddenSize } = config.value;
  const text = (key: string): string | undefined => {
    const value = header.value.metadata.get(key)?.value;
    return typeof value === 'string' ? value : undefined;
  };
  const read = (name: string): Float32Array => {
    const info = header.value.tensors.get(names.get(name) ?? name);
    if (info === undefined) throw new RangeError(`no weight named ${name}`);
    const elements = info.dims.reduce((product, dim) => product * dim, 1);
    const values = dequantizeGgml(info.type, readExactly(fd, info.offset, info.sizeBytes), elements);
    return /self_attn\.[qk]_proj/.test(name) ? unpermuteRotaryRows(values, hiddenSize, headDim) : values;
  };
  return ok({
    name: basename(path)
      .replace(/\.gguf$/i, '')
      .replace(/[.-](Q\d\w*|F16|BF16|F32)$/i, ''),
    format: `GGUF ${mainType(header.value)}`,
    sha256,
    licence: { spdx: text('general.license') ?? 'unknown', notice: text('general.organization') ?? '' },
    config: config.value,
    tokenizer: tokenizer.value,
    header: header.value,
    tensor: read,
    close: () => closeSync(fd),
  });
}
