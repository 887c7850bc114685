import type { ModelConfig } from '../../core/model-config.ts';
import type { AdapterNorm } from '../../core/recovery-adapter.ts';
import type { AdapterNodes } from './adapter.ts';
import { STORED } from './decoder-weights.ts';
import type { GraphBuilder } from './graph-builder.ts';

/** The residual stream between blocks; `update` is the last block's output, not added yet. */
export interface Stream {
  readonly residual: string;
  readonly update: string | null;
  /** float32 [hidden] to be added with the update; absent = none. */
  readonly bias?: string | null;
}

/** Where a norm gets its weights: from the level's adapter, or stored ones. */
export function normWeight(
  graph: GraphBuilder,
  { norm }: Pick<AdapterNodes, 'norm'>,
  layer: number,
  kind: AdapterNorm,
): string {
  const own = norm(layer, kind);
  if (own !== null) return own;
  return graph.weight(kind === 'finalNorm' ? STORED.finalNorm : STORED[kind](layer));
}

/**
 * Adds the pending update and its bias and normalizes, as one kernel: the next block's input and the new residual.
 *
 * @param weight of the norm, see {@link normWeight}
 */
export function emitAddNorm(
  graph: GraphBuilder,
  config: ModelConfig,
  stream: Stream,
  weight: string,
  name: string,
): { readonly normed: string; readonly residual: string } {
  const normed = `${name}.normed`;
  const epsilon = { float: config.rmsNormEps };
  if (stream.update === null) {
    graph.node('SimplifiedLayerNormalization', [stream.residual, weight], [normed], { axis: -1, epsilon });
    return { normed, residual: stream.residual };
  }
  const residual = `${name}.residual`;
  const { bias = null } = stream;
  graph.node(
    'SkipSimplifiedLayerNormalization',
    [stream.residual, stream.update, weight, ...(bias === null ? [] : [bias])],
    [normed, '', '', residual],
    { epsilon },
  );
  return { normed, residual };
}
