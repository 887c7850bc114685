import type { ModelConfig } from '../../../core/model-config.ts';
import { queryHeads } from '../attention-heads.ts';
import type { AttentionWeights } from '../attention-weights.ts';
import type { GraphBuilder } from '../graph-builder.ts';
import type { AdapterConstants } from './adapter-constants.ts';
import { emitJoined, emitRows, emitStoredMatrix } from './stored-matrix.ts';

/** Constants of the packed product of a layer: rows of all queries, then all keys, then all values. */
export interface PackedConstants {
  /** [packed width, hidden] */
  readonly matrix: string;
  /** [packed width]; null where the model has none. */
  readonly bias: string | null;
  /** [query + key heads, headDim]; null where the model has none. */
  readonly headNorm: string | null;
}

/** Rows [from, to) of one segment's part, per group. */
type Part = (segment: AttentionWeights) => readonly [from: number, to: number];

/**
 * Puts the packed rows of segments together kind by kind, so that a layer's heads lie side by side however many
 * segments it has.
 *
 * @param options.keysAndValues leave the queries out
 */
export function emitPackedConstants(
  graph: GraphBuilder,
  config: ModelConfig,
  segments: readonly AttentionWeights[],
  options: { readonly name: string; readonly keysAndValues: boolean },
): PackedConstants {
  const { headDim } = config;
  const { name, keysAndValues } = options;
  const queries: Part = ({ groups }) => [0, queryHeads(config, groups)];
  const keys: Part = ({ groups }) => [queryHeads(config, groups), queryHeads(config, groups) + groups];
  const values: Part = ({ groups }) => [
    queryHeads(config, groups) + groups,
    queryHeads(config, groups) + 2 * groups,
  ];
  const packed = keysAndValues ? [keys, values] : [queries, keys, values];
  const normed = keysAndValues ? [keys] : [queries, keys];
  const optional = (
    stored: (segment: AttentionWeights) => string | null,
    parts: readonly Part[],
    rowsPerHead: number,
    suffix: string,
  ): string | null => {
    const names = segments.map(stored);
    if (names.some((each) => each === null)) return null;
    const constants = names.map((each) => graph.weight(each ?? ''));
    return select(graph, segments, constants, parts, rowsPerHead, `${name}.${suffix}`);
  };
  const matrices = segments.map(({ qkv }) => emitStoredMatrix(graph, qkv));
  return {
    matrix: select(graph, segments, matrices, packed, headDim, `${name}.qkv_w`),
    bias: optional(({ qkvBias }) => qkvBias, packed, headDim, 'qkv_b'),
    headNorm: optional(({ headNorm }) => headNorm, normed, 1, 'head_norm'),
  };
}

/** The parts of all segments' constants along axis 0, part by part. */
function select(
  graph: GraphBuilder,
  segments: readonly AttentionWeights[],
  constants: readonly string[],
  parts: readonly Part[],
  rowsPerHead: number,
  name: string,
): string {
  const [only] = constants;
  // As stored: all parts of one segment, in their order.
  if (segments.length === 1 && only !== undefined && parts[0]?.(segments[0] as AttentionWeights)[0] === 0)
    return only;
  const rows = parts.flatMap((part, p) =>
    segments.map((segment, s) => {
      const [from, to] = part(segment);
      const constant = constants[s] ?? '';
      return emitRows(graph, constant, from * rowsPerHead, to * rowsPerHead, 0, `${name}.${p}.${s}`);
    }),
  );
  return emitJoined(graph, rows, 0, name);
}

/** The output matrix of all segments [hidden, query width], with the adapter of site `o` added to it. */
export function emitOutputMatrix(
  graph: GraphBuilder,
  config: ModelConfig,
  layer: number,
  segments: readonly AttentionWeights[],
  adapter: AdapterConstants,
): string {
  const name = `l${layer}.o`;
  const stored = segments.map(({ o }) => emitStoredMatrix(graph, o));
  const matrix = emitJoined(graph, stored, 1, `${name}_w`);
  const a = adapter.matrix(graph, layer, 'o', 'a');
  const b = adapter.matrix(graph, layer, 'o', 'b');
  if (a === null || b === null) return matrix;
  const channels = (group: number): number => queryHeads(config, group) * config.headDim;
  const groups = segments.reduce((sum, segment) => sum + segment.groups, 0);
  const rows =
    groups === config.kvHeads
      ? a
      : emitJoined(
          graph,
          segments.map(({ groupStart, groups: own }, s) =>
            emitRows(graph, a, channels(groupStart), channels(groupStart + own), 0, `${name}_a.${s}`),
          ),
          0,
          `${name}_a`,
        );
  const product = graph.node('MatMul', [rows, b], [`${name}_ab`]);
  const turned = graph.node('Transpose', [product], [`${name}_ba`], { perm: [1, 0] });
  return graph.node('Add', [matrix, turned], [`${name}_recovered`]);
}
