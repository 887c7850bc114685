import { z } from 'zod';

const count = z.int().positive();

/** Shape of a Llama-family decoder, as the engine and the graph writer need it. */
export const modelConfigSchema = z.object({
  architecture: z.enum(['llama']),
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
});
export type ModelConfig = z.infer<typeof modelConfigSchema>;

/** Parameters of one KV group: its query, key and value rows and its output columns. */
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
