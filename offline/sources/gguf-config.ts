import { modelConfigSchema, type ModelConfig } from '../../core/model-config.ts';
import { parseWith } from '../../core/parse.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { GgufHeader } from './gguf-header.ts';
import {
  ARCHITECTURES,
  contextWithin,
  foreignArchitecture,
  impossibleShape,
  isArchitecture,
  NAME_ANOTHER_MODEL,
} from './supported-models.ts';

/** What a GGUF's metadata says. */
export interface GgufConfig {
  readonly config: ModelConfig;
  /** What the user should know about how the model was read. */
  readonly notes: readonly string[];
}

/**
 * Reads the shape of a model from a GGUF's metadata (keys: gguf-py/gguf/constants.py). Failures:
 * `invalid-input`, and `gguf-unsupported` for a model that Bungee would not compute as it was trained.
 *
 * @param path for the messages.
 */
export function readGgufConfig({ metadata, tensors }: GgufHeader, path: string): Result<GgufConfig> {
  const unsupported = (what: string): Result<never> =>
    fail('gguf-unsupported', `${path}: ${what}.`, NAME_ANOTHER_MODEL);
  const architecture = String(metadata.get('general.architecture')?.value);
  if (!isArchitecture(architecture)) return unsupported(foreignArchitecture(architecture));
  const number = (key: string): number | undefined => {
    const value = metadata.get(`${architecture}.${key}`)?.value;
    return typeof value === 'number' ? value : undefined;
  };
  const hiddenSize = number('embedding_length');
  const heads = number('attention.head_count');
  const headDim =
    number('attention.key_length') ??
    (hiddenSize !== undefined && heads !== undefined ? hiddenSize / heads : undefined);
  const scaling = metadata.get(`${architecture}.rope.scaling.type`)?.value ?? 'none';
  if (scaling !== 'none' || tensors.has('rope_freqs.weight'))
    return unsupported('it scales its rotary embedding, which Bungee does not do yet');
  if ((number('rope.dimension_count') ?? headDim) !== headDim)
    return unsupported('it rotates only part of each head, which Bungee does not do yet');
  if ((number('attention.value_length') ?? headDim) !== headDim)
    return unsupported('its keys and values differ in width, which Bungee does not do yet');
  if ((number('expert_count') ?? 0) > 0)
    return unsupported('it is a mixture of experts, which Bungee does not do yet');
  const context = contextWithin(
    number('context_length') ?? 0,
    // 0 as llama.cpp writes it: no window.
    number('attention.sliding_window') || null,
  );
  const config = parseWith(
    modelConfigSchema,
    {
      architecture,
      hiddenSize,
      layers: number('block_count'),
      heads,
      kvHeads: number('attention.head_count_kv') ?? heads,
      headDim,
      ffnSize: number('feed_forward_length'),
      vocabSize: tensors.get('token_embd.weight')?.dims[1],
      contextLength: context.tokens,
      ropeTheta: number('rope.freq_base') ?? 10_000,
      rmsNormEps: number('attention.layer_norm_rms_epsilon'),
      tiedEmbedding: !tensors.has('output.weight'),
      ...ARCHITECTURES[architecture],
    },
    `metadata of ${path}`,
  );
  if (!config.ok) return config;
  const shape = impossibleShape(config.value);
  return shape === null ? ok({ config: config.value, notes: context.notes }) : unsupported(shape);
}
