import type { BundleManifest } from './bundle-manifest.ts';
import { attentionSegments, segmentsOnAt } from './elastic-graph.ts';
import type { ModelConfig } from './model-config.ts';

/**
 * The contract between the writer of static prefill graphs (`offline/`) and the engine (`device-agent/`): one level
 * of the decoder as plain operators of the ONNX standard over fixed shapes, so that providers which take nothing
 * else (NNAPI) may run a prompt's chunks. It only fills the KV cache: embedding, head and sampling are outside, and
 * what a layer's keys and values do not depend on is left out.
 *
 * Dims that a file leaves open, and that the engine sets before it opens a session ({@link STATIC_DIMS}): S = tokens
 * of a chunk, P = rows of the past, T = P + S, R = S x query heads per KV group. l = layers whose attention is on,
 * G_l = KV groups that are on in that layer.
 *
 * inputs, all float32
 * - `rows`  [S, hidden]: embedding rows of the chunk
 * - `cos`, `sin` [S, 1, headDim]: by {@link rotaryRows}
 * - `mask`  [1, R, T]: 0 where a query sees a key, else {@link MASKED}; row j x S + s is token s of query head j
 * - `past.l.key`, `past.l.value` [G_l, P, headDim] for every l but the last, which only makes rows; rows that the
 *   mask hides may hold anything finite
 *
 * output
 * - `kv_delta` float32 [2 x G, S, headDim]: as that of the elastic graph, all keys (rotated), then all values
 */
export const STATIC_GRAPH = {
  rows: 'rows',
  cos: 'cos',
  sin: 'sin',
  mask: 'mask',
  kvDelta: 'kv_delta',
  pastKey: (layer: number): string => `past.${layer}.key`,
  pastValue: (layer: number): string => `past.${layer}.value`,
} as const;

/** Names of the dims that a file leaves open. */
export const STATIC_DIMS = { tokens: 'S', past: 'P', total: 'T', queries: 'R' } as const;

/** Inputs and output of the graph of embedding rows: int32 [S] to float32 [S, hidden]. */
export const EMBEDDING_GRAPH = { ids: 'ids', rows: 'rows' } as const;

/** Added to the score of a key that a query does not see: e^-30000 is 0, and float16 still holds it. */
export const MASKED = -30_000;

/** Query heads that share a KV group. */
export function queriesPerGroup({ heads, kvHeads }: Pick<ModelConfig, 'heads' | 'kvHeads'>): number {
  return heads / kvHeads;
}

/** A layer whose attention is on at a level. */
export interface StaticLayer {
  readonly layer: number;
  /** Places among the model's attention segments (and so in the KV cache) of those that are on, in order. */
  readonly places: readonly number[];
  /** KV groups of all of them. */
  readonly groups: number;
}

/** The layers with attention at a level, in the order of the graph's inputs and of its output's groups. */
export function staticLayers(
  layout: Pick<BundleManifest, 'segments' | 'ranking' | 'alwaysOn'>,
  prefix: number,
): StaticLayer[] {
  const on = segmentsOnAt(layout, prefix);
  const layers = new Map<number, { places: number[]; groups: number }>();
  for (const [place, index] of attentionSegments(layout.segments).entries()) {
    const segment = layout.segments[index];
    if (segment === undefined || on[index] !== true) continue;
    const known = layers.get(segment.layer) ?? { places: [], groups: 0 };
    known.places.push(place);
    known.groups += segment.units;
    layers.set(segment.layer, known);
  }
  return [...layers].map(([layer, { places, groups }]) => ({ layer, places, groups }));
}

/**
 * cos and sin of `count` positions from `first` on, [count, headDim] each: every frequency twice, the first half of
 * the sines negative, so that x cos + swap(x) sin rotates (swap exchanges the halves).
 */
export function rotaryRows(
  { headDim, ropeTheta }: Pick<ModelConfig, 'headDim' | 'ropeTheta'>,
  first: number,
  count: number,
): { readonly cos: Float32Array; readonly sin: Float32Array } {
  const half = headDim / 2;
  const cos = new Float32Array(count * headDim);
  const sin = new Float32Array(count * headDim);
  for (let i = 0; i < half; i++) {
    const frequency = ropeTheta ** ((-2 * i) / headDim);
    for (let row = 0; row < count; row++) {
      const angle = (first + row) * frequency;
      const at = row * headDim + i;
      cos[at] = cos[at + half] = Math.cos(angle);
      sin[at + half] = Math.sin(angle);
      sin[at] = -Math.sin(angle);
    }
  }
  return { cos, sin };
}

/**
 * The mask of a chunk behind `past` rows, [1, queries x tokens, bucket + tokens]: a token sees the past and, in the
 * chunk, itself and what is before it. Tokens that fill up a chunk come last, so nothing that counts sees them.
 *
 * @param queries query heads per KV group
 * @param bucket rows of the past that the graph has, at least `past`
 */
export function causalMask(queries: number, tokens: number, past: number, bucket: number): Float32Array {
  const width = bucket + tokens;
  const mask = new Float32Array(queries * tokens * width).fill(MASKED);
  for (let query = 0; query < queries; query++)
    for (let token = 0; token < tokens; token++) {
      const row = (query * tokens + token) * width;
      mask.fill(0, row, row + past);
      mask.fill(0, row + bucket, row + bucket + token + 1);
    }
  return mask;
}
