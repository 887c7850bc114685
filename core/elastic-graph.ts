import type { BundleManifest, Segment } from './bundle-manifest.ts';

/**
 * The contract between the graph writer (`offline/`) and the engine (`device-agent/`): names and shapes of
 * the elastic decoder's inputs and outputs. T = tokens in this run, A = attention segments, G = KV groups of
 * the attention segments that are on, C = KV capacity (same for all, at least past + T), V = vocabulary.
 *
 * inputs
 * - `input_ids`     int64   [1, T]
 * - `segments_on`   int64   [gated segments]: 1 = on, 0 = off, in the order of {@link gatedSegments}
 * - `past.a.key`, `past.a.value` float32 [1, groups of a, C, headDim], a = 0..A-1 in the order of
 *   {@link attentionSegments}; rows from `past` on are not read
 * - `seqlens_k`     int32   [1]: past + T - 1
 * - `total_length`  int32   []: past + T
 * - `logits_start`  int64   [1]: first of the T positions to return logits for
 * - in a bundle with recovery adapters those of core/adapter-inputs.ts
 *
 * outputs
 * - `logits`        float32 [1, T - logits_start, V]
 * - `kv_delta`      float32 [2, G, T, headDim]: new key (rotated) and value rows, groups in the order of
 *   {@link attentionSegments}, off segments left out
 */
export const GRAPH = {
  inputIds: 'input_ids',
  segmentsOn: 'segments_on',
  seqlensK: 'seqlens_k',
  totalLength: 'total_length',
  logitsStart: 'logits_start',
  logits: 'logits',
  kvDelta: 'kv_delta',
} as const;

export function pastKeyName(attentionIndex: number): string {
  return `past.${attentionIndex}.key`;
}

export function pastValueName(attentionIndex: number): string {
  return `past.${attentionIndex}.value`;
}

type SegmentLayout = Pick<BundleManifest, 'segments' | 'ranking' | 'alwaysOn'>;

/** Indices of attention segments, in the order of `segments`. */
export function attentionSegments(segments: readonly Segment[]): number[] {
  return segments.flatMap((segment, index) => (segment.kind === 'attention' ? [index] : []));
}

/** KV groups of each attention segment, in the order of {@link attentionSegments}. */
export function attentionGroups(segments: readonly Segment[]): number[] {
  return segments.flatMap(({ kind, units }) => (kind === 'attention' ? [units] : []));
}

/** Indices of the segments that `segments_on` switches, ascending; the others are always on. */
export function gatedSegments(layout: SegmentLayout): number[] {
  return layout.ranking.slice(layout.alwaysOn).sort((a, b) => a - b);
}

/** For each segment whether it is on when the first `prefix` of the ranking are. */
export function segmentsOnAt(layout: SegmentLayout, prefix: number): boolean[] {
  const on = layout.segments.map(() => false);
  for (const index of layout.ranking.slice(0, Math.max(prefix, layout.alwaysOn))) on[index] = true;
  return on;
}
