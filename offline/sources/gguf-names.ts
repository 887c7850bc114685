import type { ModelConfig } from '../../core/model-config.ts';
import {
  LAYER_WEIGHTS,
  layerWeight,
  optionalWeights,
  WEIGHTS,
  type LayerWeight,
  type OptionalLayerWeight,
} from './source-model.ts';

/** llama.cpp's tensor names (gguf-py/gguf/constants.py), the same in all four architectures. */
const GGUF_LAYER_TENSORS: Record<LayerWeight | OptionalLayerWeight, string> = {
  attentionNorm: 'attn_norm.weight',
  q: 'attn_q.weight',
  k: 'attn_k.weight',
  v: 'attn_v.weight',
  o: 'attn_output.weight',
  mlpNorm: 'ffn_norm.weight',
  gate: 'ffn_gate.weight',
  up: 'ffn_up.weight',
  down: 'ffn_down.weight',
  qBias: 'attn_q.bias',
  kBias: 'attn_k.bias',
  vBias: 'attn_v.bias',
  qNorm: 'attn_q_norm.weight',
  kNorm: 'attn_k_norm.weight',
};

/** Canonical weight name -> name in the GGUF. */
export function ggufTensorNames(config: ModelConfig): Map<string, string> {
  const names = new Map<string, string>([
    [WEIGHTS.embedding, 'token_embd.weight'],
    [WEIGHTS.finalNorm, 'output_norm.weight'],
    [WEIGHTS.head, 'output.weight'],
  ]);
  for (let layer = 0; layer < config.layers; layer++)
    for (const weight of [...(Object.keys(LAYER_WEIGHTS) as LayerWeight[]), ...optionalWeights(config)])
      names.set(layerWeight(layer, weight), `blk.${layer}.${GGUF_LAYER_TENSORS[weight]}`);
  return names;
}

/**
 * Whether llama.cpp keeps this weight's rows pairwise interleaved: q and k of its architecture `llama` (which
 * Mistral goes by as well); Qwen's are stored as trained.
 */
export function isInterleaved(config: ModelConfig, name: string): boolean {
  const isLlama = config.architecture === 'llama' || config.architecture === 'mistral';
  return isLlama && /self_attn\.[qk]_proj\.weight$/.test(name);
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
