import type { ModelConfig } from '../../core/model-config.ts';

/** What the agent needs to turn text into tokens and back. */
export interface TokenizerSource {
  /** `tokenizer.json` as @huggingface/tokenizers reads it. */
  readonly json: string;
  /** Jinja chat template. */
  readonly chatTemplate: string;
  readonly bosTokenId: number | null;
  readonly eosTokenIds: readonly number[];
  readonly addBos: boolean;
}

/**
 * An open decoder model of a supported architecture, whatever its file format. Weights are read when asked for, one tensor
 * at a time, so a model larger than memory can pass through.
 */
export interface SourceModel {
  readonly name: string;
  /** e.g. `GGUF Q4_1`, `safetensors bf16`. */
  readonly format: string;
  /** SHA-256 over the weight files. */
  readonly sha256: string;
  readonly licence: { readonly spdx: string; readonly notice: string };
  readonly config: ModelConfig;
  /** What the user should know about how the model was read, one line each. */
  readonly notes?: readonly string[];
  readonly tokenizer: TokenizerSource;
  /**
   * A weight matrix row-major [out, in] (norms and biases: vectors) as f32; q and k rows in the half-split rotary order
   * of Hugging Face's Llama. Names: {@link WEIGHTS}, {@link layerWeight}. Existence and extent of every tensor were
   * checked when the model was opened, so a failure here throws `FailureError`.
   */
  tensor(name: string): Float32Array;
  close(): void;
}

/** Canonical weight names (Hugging Face's). */
export const WEIGHTS = {
  embedding: 'model.embed_tokens.weight',
  finalNorm: 'model.norm.weight',
  head: 'lm_head.weight',
} as const;

export const LAYER_WEIGHTS = {
  attentionNorm: 'input_layernorm',
  q: 'self_attn.q_proj',
  k: 'self_attn.k_proj',
  v: 'self_attn.v_proj',
  o: 'self_attn.o_proj',
  mlpNorm: 'post_attention_layernorm',
  gate: 'mlp.gate_proj',
  up: 'mlp.up_proj',
  down: 'mlp.down_proj',
} as const;
export type LayerWeight = keyof typeof LAYER_WEIGHTS;

/** Weights that only some architectures have; vectors [rows of the product] and [headDim]. */
export const OPTIONAL_LAYER_WEIGHTS = {
  qBias: 'self_attn.q_proj.bias',
  kBias: 'self_attn.k_proj.bias',
  vBias: 'self_attn.v_proj.bias',
  qNorm: 'self_attn.q_norm.weight',
  kNorm: 'self_attn.k_norm.weight',
} as const;
export type OptionalLayerWeight = keyof typeof OPTIONAL_LAYER_WEIGHTS;

/** A layer's weights in f32; the optional ones are there when the config has them. */
export type LayerTensors = Readonly<Record<LayerWeight, Float32Array>> & {
  readonly [weight in OptionalLayerWeight]?: Float32Array | undefined;
};

function isOptional(weight: LayerWeight | OptionalLayerWeight): weight is OptionalLayerWeight {
  return weight in OPTIONAL_LAYER_WEIGHTS;
}

export function layerWeight(layer: number, weight: LayerWeight | OptionalLayerWeight): string {
  const name = isOptional(weight) ? OPTIONAL_LAYER_WEIGHTS[weight] : `${LAYER_WEIGHTS[weight]}.weight`;
  return `model.layers.${layer}.${name}`;
}

/** The optional weights that layers of this shape have. */
export function optionalWeights(config: ModelConfig): OptionalLayerWeight[] {
  return [
    ...(config.qkvBias ? (['qBias', 'kBias', 'vBias'] as const) : []),
    ...(config.qkNorm ? (['qNorm', 'kNorm'] as const) : []),
  ];
}

/** Every weight that a model of this shape must have, with its dimensions. */
export function expectedWeights(config: ModelConfig): Map<string, readonly number[]> {
  const { hiddenSize: d, ffnSize: f } = config;
  const q = config.heads * config.headDim;
  const kv = config.kvHeads * config.headDim;
  const shapes = new Map<string, readonly number[]>();
  shapes.set(WEIGHTS.embedding, [config.vocabSize, d]);
  shapes.set(WEIGHTS.finalNorm, [d]);
  if (!config.tiedEmbedding) shapes.set(WEIGHTS.head, [config.vocabSize, d]);
  const perLayer: Record<LayerWeight, readonly number[]> = {
    attentionNorm: [d],
    q: [q, d],
    k: [kv, d],
    v: [kv, d],
    o: [d, q],
    mlpNorm: [d],
    gate: [f, d],
    up: [f, d],
    down: [d, f],
  };
  const optional: Record<OptionalLayerWeight, readonly number[]> = {
    qBias: [q],
    kBias: [kv],
    vBias: [kv],
    qNorm: [config.headDim],
    kNorm: [config.headDim],
  };
  for (let layer = 0; layer < config.layers; layer++) {
    for (const [weight, shape] of Object.entries(perLayer) as [LayerWeight, readonly number[]][])
      shapes.set(layerWeight(layer, weight), shape);
    for (const weight of optionalWeights(config)) shapes.set(layerWeight(layer, weight), optional[weight]);
  }
  return shapes;
}
