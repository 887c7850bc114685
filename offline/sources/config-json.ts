import { z } from 'zod';
import { modelConfigSchema, type ModelConfig } from '../../core/model-config.ts';
import { parseJsonWith, parseWith } from '../../core/parse.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import {
  ARCHITECTURES,
  contextWithin,
  foreignArchitecture,
  impossibleShape,
  isArchitecture,
  NAME_ANOTHER_MODEL,
} from './supported-models.ts';

const kindSchema = z.object({ model_type: z.string() });

/** `rope_scaling`, and `rope_parameters` of transformers 5, which also holds the base. */
const ropeSchema = z
  .object({
    rope_type: z.string().optional(),
    type: z.string().optional(),
    rope_theta: z.number().optional(),
  })
  .nullish();

/** config.json of transformers, as far as it changes what the four architectures compute. */
const configFileSchema = z.object({
  hidden_size: z.number(),
  num_hidden_layers: z.number(),
  num_attention_heads: z.number(),
  num_key_value_heads: z.number().nullish(),
  head_dim: z.number().nullish(),
  intermediate_size: z.number(),
  vocab_size: z.number(),
  max_position_embeddings: z.number(),
  rope_theta: z.number().optional(),
  rope_scaling: ropeSchema,
  rope_parameters: ropeSchema,
  partial_rotary_factor: z.number().nullish(),
  rms_norm_eps: z.number(),
  hidden_act: z.string().default('silu'),
  tie_word_embeddings: z.boolean().optional(),
  attention_bias: z.boolean().nullish(),
  mlp_bias: z.boolean().nullish(),
  sliding_window: z.number().nullish(),
  use_sliding_window: z.boolean().nullish(),
  quantization_config: z.object({ quant_method: z.string().optional() }).nullish(),
  eos_token_id: z.union([z.int(), z.array(z.int())]).nullish(),
  bos_token_id: z.int().nullish(),
});
type ConfigFile = z.infer<typeof configFileSchema>;

/** What config.json says. */
export interface FolderConfig {
  readonly config: ModelConfig;
  readonly bosTokenId: number | null;
  readonly eosTokenIds: readonly number[];
  /** What the user should know about how the model was read. */
  readonly notes: readonly string[];
}

function ropeType(rope: ConfigFile['rope_scaling']): string {
  return rope?.rope_type ?? rope?.type ?? 'default';
}

/** First thing in the file that the engine would not compute, in one clause; null = none. */
function unsupportedPart(file: ConfigFile): string | null {
  for (const rope of [file.rope_scaling, file.rope_parameters])
    if (ropeType(rope) !== 'default')
      return `it scales its rotary embedding (${ropeType(rope)}), which Bungee does not do yet`;
  if (file.partial_rotary_factor !== undefined && file.partial_rotary_factor !== null)
    if (file.partial_rotary_factor !== 1)
      return 'it rotates only part of each head, which Bungee does not do yet';
  if (file.attention_bias === true)
    return 'attention_bias: a bias on the attention output, which Bungee does not do yet';
  if (file.mlp_bias === true) return 'mlp_bias: biases in its MLP, which Bungee does not do yet';
  if (file.hidden_act !== 'silu') return `hidden_act ${file.hidden_act}; Bungee computes silu`;
  if (file.quantization_config)
    return `its weights are quantized (${file.quantization_config.quant_method ?? 'by an unnamed method'}); Bungee quantizes from bf16, f16 or f32 ones`;
  return null;
}

/** Tokens that attention sees; null = all. Qwen carries a window that it uses only when it says so. */
function slidingWindow(file: ConfigFile, architecture: ModelConfig['architecture']): number | null {
  const isUsed = file.use_sliding_window ?? architecture === 'mistral';
  // MistralConfig's own value where the file has none; later Mistrals say null.
  return isUsed ? (file.sliding_window === undefined ? 4096 : file.sliding_window) : null;
}

/**
 * Reads config.json of a model folder. Failures: `invalid-json`, `invalid-input`, and `safetensors-unsupported`
 * for a model that Bungee would not compute as it was trained.
 *
 * @param path for the messages.
 */
export function readConfigJson(text: string, path: string): Result<FolderConfig> {
  const unsupported = (what: string): Result<never> =>
    fail('safetensors-unsupported', `${path}: ${what}.`, NAME_ANOTHER_MODEL);
  const kind = parseJsonWith(kindSchema, text, path);
  if (!kind.ok) return kind;
  const architecture = kind.value.model_type;
  if (!isArchitecture(architecture)) return unsupported(foreignArchitecture(architecture));
  const parsed = parseJsonWith(configFileSchema, text, path);
  if (!parsed.ok) return parsed;
  const file = parsed.value;
  const problem = unsupportedPart(file);
  if (problem !== null) return unsupported(problem);
  const context = contextWithin(file.max_position_embeddings, slidingWindow(file, architecture));
  const config = parseWith(
    modelConfigSchema,
    {
      architecture,
      hiddenSize: file.hidden_size,
      layers: file.num_hidden_layers,
      heads: file.num_attention_heads,
      kvHeads: file.num_key_value_heads ?? file.num_attention_heads,
      headDim: file.head_dim ?? file.hidden_size / file.num_attention_heads,
      ffnSize: file.intermediate_size,
      vocabSize: file.vocab_size,
      contextLength: context.tokens,
      ropeTheta: file.rope_parameters?.rope_theta ?? file.rope_theta ?? 10_000,
      rmsNormEps: file.rms_norm_eps,
      tiedEmbedding: file.tie_word_embeddings ?? false,
      ...ARCHITECTURES[architecture],
    },
    path,
  );
  if (!config.ok) return config;
  const shape = impossibleShape(config.value);
  if (shape !== null) return unsupported(shape);
  const eos = file.eos_token_id;
  return ok({
    config: config.value,
    bosTokenId: file.bos_token_id ?? null,
    eosTokenIds: typeof eos === 'number' ? [eos] : (eos ?? []),
    notes: context.notes,
  });
}
