import { STORED, type DecoderWeights } from '../decoder-weights.ts';
import type { GraphBuilder } from '../graph-builder.ts';
import { emitProduct, emitRmsNorm } from './plain-operators.ts';
import type { StaticContext } from './static-attention.ts';
import { emitJoined, emitStoredMatrix } from './stored-matrix.ts';

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
  const update = ((): string | null => {
    if (segments.length === 0 && (a === null || b === null)) return bias;
    const weight = graph.weight(STORED.mlpNorm(layer));
    const normed = emitRmsNorm(graph, residual, weight, {
      epsilon: config.rmsNormEps,
      rank: 2,
      name: `${name}.mlp`,
    });
    const hidden: string[] = [];
    const down: string[] = [];
    if (segments.length > 0) {
      hidden.push(emitNeurons(graph, name, segments, normed));
      down.push(...segments.map((segment) => emitStoredMatrix(graph, segment.down)));
    }
    if (a !== null && b !== null) {
      const turned = (matrix: string): string =>
        graph.node('Transpose', [matrix], [`${matrix}.t`], { perm: [1, 0] });
      hidden.push(emitProduct(graph, normed, turned(a), `${name}.low`));
      down.push(turned(b));
    }
    const rows = emitJoined(graph, hidden, 1, `${name}.hidden`);
    return emitProduct(graph, rows, emitJoined(graph, down, 1, `${name}.down_w`), `${name}.mlp_out`, bias);
  })();
  return update === null ? residual : graph.node('Add', [residual, update], [`${name}.out`]);
}

/** silu(gate) x up of all neurons that are on, [S, neurons]. */
function emitNeurons(
  graph: GraphBuilder,
  name: string,
  segments: readonly MlpWeights[],
  normed: string,
): string {
  const matrix = (side: 'gate' | 'up'): string =>
    emitJoined(
      graph,
      segments.map((segment) => emitStoredMatrix(graph, segment[side])),
      0,
      `${name}.${side}_w`,
    );
  const gate = emitProduct(graph, normed, matrix('gate'), `${name}.gate`);
  const up = emitProduct(graph, normed, matrix('up'), `${name}.up`);
  const sigmoid = graph.node('Sigmoid', [gate], [`${name}.sigmoid`]);
  const activated = graph.node('Mul', [gate, sigmoid], [`${name}.silu`]);
  return graph.node('Mul', [activated, up], [`${name}.neurons`]);
}
