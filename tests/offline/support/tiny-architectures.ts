import type { ModelConfig } from '../../../core/model-config.ts';
import { tinySourceModel } from '../../../offline/sources/tiny-model.ts';
import type { SourceModel } from '../../../offline/sources/source-model.ts';

/** What each supported family differs in from the tiny Llama, as its published models do. */
export const FAMILIES = {
  'Llama with a KV head for every query head': { kvHeads: 4, tiedEmbedding: false },
  SmolLM2: { heads: 3, kvHeads: 1, headDim: 32, hiddenSize: 96 },
  Mistral: { architecture: 'mistral', tiedEmbedding: false },
  Qwen2: { architecture: 'qwen2', qkvBias: true, ropeTheta: 1_000_000 },
  'Qwen2.5 with a head of its own': {
    architecture: 'qwen2',
    qkvBias: true,
    kvHeads: 1,
    tiedEmbedding: false,
  },
  Qwen3: { architecture: 'qwen3', qkNorm: true, headDim: 32, ropeTheta: 1_000_000 },
  // From here on with as many KV heads as it takes to cut attention.
  'Llama with eight KV heads': { heads: 8, kvHeads: 8, tiedEmbedding: false },
  'SmolLM2 with ten KV heads': { heads: 10, kvHeads: 10, hiddenSize: 160 },
  'Mistral with eight KV heads': { architecture: 'mistral', heads: 16, kvHeads: 8 },
  'Qwen2 with eight KV heads': { architecture: 'qwen2', qkvBias: true, heads: 8, kvHeads: 8 },
  'Qwen3 with eight KV heads': { architecture: 'qwen3', qkNorm: true, heads: 16, kvHeads: 8, headDim: 32 },
} as const satisfies Record<string, Partial<ModelConfig>>;
export type Family = keyof typeof FAMILIES;

export const FAMILY_NAMES = Object.keys(FAMILIES) as Family[];

/** Families whose attention is cut by KV groups unless told otherwise. */
export const CUT_FAMILY_NAMES = FAMILY_NAMES.filter((family) => / KV heads$/.test(family));

/** A random model of the family's shape. */
export function tinyFamily(family: Family, seed = 21, config: Partial<ModelConfig> = {}): SourceModel {
  return tinySourceModel({ seed, config: { ...FAMILIES[family], ...config } });
}
