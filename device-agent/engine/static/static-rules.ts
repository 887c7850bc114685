import type { ExecutionProvider } from '../../../core/runtime-pack.ts';
import type { ChunkRules } from './plan-chunks.ts';

/**
 * Products of this many rows are where a phone's accelerator was told to gain most (others' figures, none of ours), and
 * most prompts are a few of them.
 */
const CHUNK = 128;
/** NNAPI takes no open dims: with its chunk this covers prompts of 512 tokens; the engine runs what is longer. */
const NNAPI_PAST = 384;
/** A whole chunk for fewer tokens than this share of it would be mostly padding; not measured on a phone. */
const MINIMUM_FILL = 0.5;
/** Each holds its weights in float32, beside the engine's. */
const PLACES = 2;

/** How static prefill is set up for a provider. */
export function staticRules(provider: ExecutionProvider): ChunkRules & { readonly places: number } {
  const pastBuckets = provider === 'nnapi' ? [NNAPI_PAST] : [];
  return { chunk: CHUNK, pastBuckets, minimumFill: MINIMUM_FILL, places: PLACES };
}
