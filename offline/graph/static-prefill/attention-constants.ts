import type { ModelConfig } from '../../../core/model-config.ts';
import { queryHeads } from '../attention-heads.ts';
import type { AttentionWeights } from '../attention-weights.ts';
import type { GraphBuilder } from '../graph-builder.ts';
import type { AdapterConstants } from './adapter-constants.ts';
import { emitConstant, emitStacked, type ConstantMatrix } from './constant-matrix.ts';
import { emitJoined, emitOutputs, emitRange, emitSideBySide, emitStored } from './stored-matrix.ts';

/** Constants of the packed product of a layer: outputs of all queries, then all keys, then all values. */
export interface PackedConstants {
  readonly matrix: ConstantMatrix;
  /** [packed width]; null where the model has none. */
  readonly bias: string | null;
  /** [query + key heads, headDim]; null where the model has none. */
  readonly headNorm: string | null;
}

/** Heads [from, to) of a segment's packed rows. */
type Part = (segment: AttentionWeights) => readonly [from: number, to: number];

/**
 * Puts the packed heads of segments together kind by kind, so that a layer's heads lie side by side however many
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
  /** `cut` of every part of every segment, in the order of the packed rows. */
  const select = <T>(parts: readonly Part[], cut: (segment: number, from: number, to: number) => T): T[] =>
    parts.flatMap((part) => segments.map((segment, i) => cut(i, ...part(segment))));
  const vector = (
    stored: (segment: AttentionWeights) => string | null,
    parts: readonly Part[],
    rowsPerHead: number,
    suffix: string,
  ): string | null => {
    const constants = segments.flatMap((segment) => stored(segment) ?? []).map((each) => graph.weight(each));
    if (constants.length === 0) return null;
    const rows = select(parts, (i, from, to) =>
      emitRange(
        graph,
        constants[i] ?? '',
        from * rowsPerHead,
        to * rowsPerHead,
        0,
        `${name}.${suffix}.${i}.${from}`,
      ),
    );
    return emitJoined(graph, rows, 0, `${name}.${suffix}`);
  };
  const packed = keysAndValues ? [keys, values] : [queries, keys, values];
  const stored = segments.map(({ qkv }) => emitStored(graph, qkv));
  const [whole] = stored;
  const matrix =
    stored.length === 1 && whole !== undefined && !keysAndValues
      ? whole
      : emitSideBySide(
          graph,
          select(packed, (i, from, to) => {
            const segment = stored[i];
            if (segment === undefined) throw new RangeError(`${name} has no segment ${i}`);
            return emitOutputs(graph, segment, from * headDim, to * headDim, `${name}.qkv.${i}.${from}`);
          }),
          `${name}.qkv`,
        );
  return {
    matrix: emitConstant(graph, matrix, `${name}.qkv_w`),
    bias: vector(({ qkvBias }) => qkvBias, packed, headDim, 'qkv_b'),
    headNorm: vector(({ headNorm }) => headNorm, packed.slice(0, -1), 1, 'head_norm'),
  };
}

/** The output matrix of all segments, with the adapter of site `o` added to it. */
export function emitOutputMatrix(
  graph: GraphBuilder,
  config: ModelConfig,
  layer: number,
  segments: readonly AttentionWeights[],
  adapter: AdapterConstants,
): ConstantMatrix {
  const name = `l${layer}.o`;
  const stored = segments.map(({ o }) => emitStored(graph, o));
  const matrix = emitStacked(graph, stored, `${name}_w`);
  const a = adapter.matrix(graph, layer, 'o', 'a');
  const b = adapter.matrix(graph, layer, 'o', 'b');
  if (a === null || b === null) return matrix;
  const channels = (group: number): number => queryHeads(config, group) * config.headDim;
  const rows = segments.map(({ groupStart, groups }, i) =>
    emitRange(graph, a, channels(groupStart), channels(groupStart + groups), 0, `${name}_a.${i}`),
  );
  const product = graph.node('MatMul', [emitJoined(graph, rows, 0, `${name}_a`), b], [`${name}_ab`]);
  const update = matrix.outFirst
    ? graph.node('Transpose', [product], [`${name}_ba`], { perm: [1, 0] })
    : product;
  return { ...matrix, value: graph.node('Add', [matrix.value, update], [`${name}_recovered`]) };
}
