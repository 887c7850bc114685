import { z } from 'zod';

const count = z.int().positive();

/**
 * Shape of a decoder, as the engine and the graph writer need it: a Llama, or one of the relatives that differ
 * from it by what the two switches say.
 */
export const modelConfigSchema = z.object({
  architecture: z.enum(['llama', 'mistral', 'qwen2', 'qwen3']),
  hiddenSize: count,
  layers: count,
  heads: count,
  kvHeads: count,
  headDim: count,
  ffnSize: count,
  vocabSize: count,
  /** Longest sequence (prompt + output tokens) that the rotary cache covers. */
  contextLength: count,
  ropeTheta: z.number().positive(),
  rmsNormEps: z.number().positive(),
  tiedEmbedding: z.boolean(),
  /** The q, k and v products have a bias (Qwen2). */
  qkvBias: z.boolean().default(false),
  /** Every query and key head is RMS-normalized before its rotation, with one weight for all heads (Qwen3). */
  qkNorm: z.boolean().default(false),
});
export type ModelConfig = z.infer<typeof modelConfigSchema>;

/** Parameters of one KV group: its query, key and value rows and its output columns (matrices only, no biases). */
export function paramsPerKvGroup(config: ModelConfig): number {
  const queryHeads = config.heads / config.kvHeads;
  return config.hiddenSize * config.headDim * (2 * queryHeads + 2);
}

/** Parameters of one MLP neuron: its gate and up rows and its down column. */
export function paramsPerMlpNeuron(config: ModelConfig): number {
  return 3 * config.hiddenSize;
}

/** Prunable parameters of the decoder: what a level's ratio refers to (norms, embedding, head excluded). */
export function decoderParams(config: ModelConfig): number {
  return (
    config.layers * (config.kvHeads * paramsPerKvGroup(config) + config.ffnSize * paramsPerMlpNeuron(config))
  );
}

/** All matrix parameters: decoder, embedding and, where it is not tied, head. */
export function totalParams(config: ModelConfig): number {
  return decoderParams(config) + config.vocabSize * config.hiddenSize * (config.tiedEmbedding ? 1 : 2);
}
