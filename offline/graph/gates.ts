import type { Segment } from '../../core/bundle-manifest.ts';
import { GRAPH } from '../../core/elastic-graph.ts';
import type { Gating } from './decoder-graph.ts';
import type { GraphBuilder } from './graph-builder.ts';
import { ELEMENT } from './onnx-schema.ts';

/** Per segment the value that switches it; null where the segment is always on. */
export interface Gates {
  /** int64 [1]: tokens of this run where the segment is on, else 0. */
  readonly rows: (segment: number) => string | null;
  /** bool [1]: whether the segment is on. */
  readonly condition: (segment: number) => string | null;
}

/** Splits `segments_on` into one row count or one condition per gated segment, whichever each kind needs. */
export function emitGates(
  graph: GraphBuilder,
  segments: readonly Segment[],
  gated: readonly number[],
  tokens: string,
  gating: Gating,
): Gates {
  const byRows = (segment: number): boolean => gating === 'zero-row' && segments[segment]?.kind === 'mlp';
  if (gated.length === 0) return { rows: () => null, condition: () => null };
  const ones = graph.ints(...gated.map(() => 1));
  const rowsName = (segment: number): string => `gate.${segment}.rows`;
  const conditionName = (segment: number): string => `gate.${segment}.on`;
  if (gated.some(byRows)) {
    const rows = graph.node('Mul', [GRAPH.segmentsOn, tokens], ['gate_rows']);
    graph.node('Split', [rows, ones], gated.map(rowsName), { axis: 0 });
  }
  if (gated.some((segment) => !byRows(segment))) {
    const on = graph.node('Cast', [GRAPH.segmentsOn], ['gate_on'], { to: ELEMENT.bool });
    graph.node('Split', [on, ones], gated.map(conditionName), { axis: 0 });
  }
  const isGated = new Set(gated);
  return {
    rows: (segment) => (isGated.has(segment) && byRows(segment) ? rowsName(segment) : null),
    condition: (segment) => (isGated.has(segment) && !byRows(segment) ? conditionName(segment) : null),
  };
}
