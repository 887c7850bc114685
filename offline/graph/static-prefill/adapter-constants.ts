import type { BundleRecovery } from '../../../core/bundle-manifest.ts';
import type { Level } from '../../../core/level.ts';
import type { ModelConfig } from '../../../core/model-config.ts';
import { adapterLayout, type AdapterNorm, type RuntimeSite } from '../../../core/recovery-adapter.ts';
import type { GraphBuilder } from '../graph-builder.ts';

/** A level's recovery adapter as float32 constants, mapped from the bundle's file of adapters. */
export interface AdapterConstants {
  readonly rank: number;
  /** a [in, rank] or b [rank, hidden]; null where the adapter has no such site. */
  readonly matrix: (graph: GraphBuilder, layer: number, site: RuntimeSite, side: 'a' | 'b') => string | null;
  /** [hidden] */
  readonly bias: (graph: GraphBuilder, layer: number) => string | null;
  /** [hidden]; null where all levels have the model's. The last norm reaches no KV row. */
  readonly norm: (graph: GraphBuilder, layer: number, norm: AdapterNorm) => string | null;
}

const NONE: AdapterConstants = { rank: 0, matrix: () => null, bias: () => null, norm: () => null };

/** @param recovery the manifest's entry; null = the bundle has no adapters */
export function adapterConstants(
  config: ModelConfig,
  recovery: BundleRecovery | null,
  level: Level,
): AdapterConstants {
  const range = recovery?.levels.find((entry) => entry.level === level);
  if (recovery === null || range === undefined) return NONE;
  const { entries } = adapterLayout(config, recovery);
  const constant = (
    graph: GraphBuilder,
    layer: number,
    kind: string,
    site: RuntimeSite | null,
  ): string | null => {
    const entry = entries.find((each) => each.layer === layer && each.kind === kind && each.site === site);
    // A matrix of rank 0 has no elements.
    if (entry === undefined || entry.dims.includes(0)) return null;
    const name = `adapter.${layer}.${site ?? 'all'}.${kind}`;
    const length = 2 * entry.dims.reduce((product, dim) => product * dim, 1);
    const stored = {
      type: 'float16',
      dims: entry.dims,
      offset: range.offset + 2 * entry.offset,
      length,
    } as const;
    const half = graph.mapped(name, recovery.file, stored);
    return graph.node('Cast', [half], [`${name}.f32`], { to: 1 });
  };
  return {
    rank: recovery.rank,
    matrix: (graph, layer, site, side) => constant(graph, layer, side, site),
    bias: (graph, layer) => constant(graph, layer, 'bias', null),
    norm: (graph, layer, norm) => constant(graph, layer, norm, null),
  };
}
