import { STORED, type DecoderWeights } from '../decoder-weights.ts';
import type { GraphBuilder } from '../graph-builder.ts';
import { emitConstant, emitStacked, type ConstantMatrix } from './constant-matrix.ts';
import { emitProduct, emitRmsNorm } from './plain-operators.ts';
import type { StaticContext } from './static-attention.ts';
import { emitJoined, emitSideBySide, emitStored } from './stored-matrix.ts';

type MlpWeights = DecoderWeights['mlp'] extends ReadonlyMap<number, infer Products> ? Products : never;

/**
 * A layer's MLP over 2-D rows: its segments that are on are one matrix each for gate, up and down. The adapter's low
 * rank counts as more neurons, without a gate, and its bias is that of the down product.
 *
 * @param segments those that are on; may be none, the adapter then stands alone
 * @returns the residual with the MLP's output added
 */
export function emitStaticMlp(
  graph: GraphBuilder,
  { config, adapter }: StaticContext,
  layer: number,
  segments: readonly MlpWeights[],
  residual: string,
): string {
  const name = `l${layer}`;
  const a = adapter.matrix(graph, layer, 'mlp', 'a');
  const b = adapter.matrix(graph, layer, 'mlp', 'b');
  const bias = adapter.bias(graph, layer);
  const add = (update: string): string => graph.node('Add', [residual, update], [`${name}.out`]);
  const hidden: string[] = [];
  const down: ConstantMatrix[] = [];
  if (segments.length > 0 || a !== null) {
    const weight = adapter.norm(graph, layer, 'mlpNorm') ?? graph.weight(STORED.mlpNorm(layer));
    const options = { epsilon: config.rmsNormEps, rank: 2, name: `${name}.mlp` };
    const normed = emitRmsNorm(graph, residual, weight, options);
    if (segments.length > 0) {
      hidden.push(emitNeurons(graph, name, segments, normed));
      down.push(
        emitStacked(
          graph,
          segments.map((segment) => emitStored(graph, segment.down)),
          `${name}.down`,
        ),
      );
    }
    if (a !== null && b !== null) {
      hidden.push(
        emitProduct(graph, normed, { value: a, outFirst: false, outFeatures: adapter.rank }, `${name}.low`),
      );
      down.push({ value: b, outFirst: false, outFeatures: config.hiddenSize });
    }
  }
  if (hidden.length === 0) return bias === null ? residual : add(bias);
  const rows = emitJoined(graph, hidden, 1, `${name}.hidden`);
  return add(emitProduct(graph, rows, emitBelow(graph, down, `${name}.down_w`), `${name}.mlp_out`, bias));
}

/** Matrices of the same outputs under each other, in the orientation of the first. */
function emitBelow(graph: GraphBuilder, matrices: readonly ConstantMatrix[], name: string): ConstantMatrix {
  const outFirst = matrices[0]?.outFirst === true;
  const values = matrices.map((matrix) =>
    matrix.outFirst === outFirst
      ? matrix.value
      : graph.node('Transpose', [matrix.value], [`${matrix.value}.t`], { perm: [1, 0] }),
  );
  const outFeatures = matrices[0]?.outFeatures ?? 0;
  return { value: emitJoined(graph, values, outFirst ? 1 : 0, name), outFirst, outFeatures };
}

/** silu(gate) x up of all neurons that are on, [S, neurons]. */
function emitNeurons(
  graph: GraphBuilder,
  name: string,
  segments: readonly MlpWeights[],
  normed: string,
): string {
  const product = (side: 'gate' | 'up'): string => {
    const stored = segments.map((segment) => emitStored(graph, segment[side]));
    const matrix = emitConstant(
      graph,
      emitSideBySide(graph, stored, `${name}.${side}_w`),
      `${name}.${side}_w`,
    );
    return emitProduct(graph, normed, matrix, `${name}.${side}`);
  };
  const gate = product('gate');
  const up = product('up');
  const sigmoid = graph.node('Sigmoid', [gate], [`${name}.sigmoid`]);
  const activated = graph.node('Mul', [gate, sigmoid], [`${name}.silu`]);
  return graph.node('Mul', [activated, up], [`${name}.neurons`]);
}
