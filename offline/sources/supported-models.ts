import type { ModelConfig } from '../../core/model-config.ts';
import { BLOCK_SIZE } from '../quantize/block-wise.ts';

/** What to do about a model that Bungee cannot elasticize. */
export const NAME_ANOTHER_MODEL =
  'Name a Llama, SmolLM2, Mistral, Qwen2, Qwen2.5 or Qwen3 model, e.g. SmolLM2-135M-Instruct.';

/** Architectures that models are read from, with the switches that each of them sets. */
export const ARCHITECTURES: Readonly<
  Record<ModelConfig['architecture'], Pick<ModelConfig, 'qkvBias' | 'qkNorm'>>
> = {
  llama: { qkvBias: false, qkNorm: false },
  mistral: { qkvBias: false, qkNorm: false },
  qwen2: { qkvBias: true, qkNorm: false },
  qwen3: { qkvBias: false, qkNorm: true },
};

export function isArchitecture(name: string): name is ModelConfig['architecture'] {
  return Object.hasOwn(ARCHITECTURES, name);
}

/** Why another architecture is refused, in one clause. */
export function foreignArchitecture(name: string): string {
  const kind = /moe|mixtral/i.test(name) ? ' (a mixture of experts)' : '';
  return `architecture ${name}${kind}; Bungee elasticizes ${Object.keys(ARCHITECTURES).join(', ')}`;
}

/** A context length, and what to tell the user about it. */
export interface Context {
  readonly tokens: number;
  readonly notes: readonly string[];
}

/**
 * The context in which a model with sliding-window attention (Mistral) computes what the engine does: up to the
 * window's size every token still sees all tokens before it.
 *
 * @param window tokens that a token sees, itself included; null = all.
 */
export function contextWithin(contextLength: number, window: number | null): Context {
  if (window === null || window >= contextLength) return { tokens: contextLength, notes: [] };
  return {
    tokens: window,
    notes: [
      `Attention slides over ${window} tokens, which Bungee does not do: its context is cut from ${contextLength} to ${window} tokens.`,
    ],
  };
}

/** Stored by some converters, computed from the config by everyone. */
const RECOMPUTED = /rotary_emb\.inv_freq$|attn_rot_embd/;

/**
 * First of the layers' stored tensors that the config does not account for; null = none. Such a model computes
 * something that Bungee would silently leave out.
 *
 * @param stored names in the file.
 * @param expected the names among them that are read.
 */
export function unreadWeight(stored: Iterable<string>, expected: ReadonlySet<string>): string | null {
  for (const name of stored)
    if (/^(model\.layers|blk)\./.test(name) && !expected.has(name) && !RECOMPUTED.test(name)) return name;
  return null;
}

/** GroupQueryAttention of ONNX Runtime 1.30, where it rotates. */
const HEAD_MULTIPLE = 16;

/** What in a model's numbers the engine's kernels cannot do, in one clause; null = nothing. */
export function impossibleShape({ heads, kvHeads, headDim, hiddenSize }: ModelConfig): string | null {
  if (heads % kvHeads !== 0)
    return `${heads} query heads do not share ${kvHeads} KV heads evenly, which grouped attention needs`;
  if (headDim % HEAD_MULTIPLE !== 0)
    return `heads of ${headDim} channels; the attention kernel wants a multiple of ${HEAD_MULTIPLE}`;
  if (hiddenSize % BLOCK_SIZE !== 0)
    return `a width of ${hiddenSize}; the quantized embedding wants a multiple of ${BLOCK_SIZE}`;
  return null;
}
