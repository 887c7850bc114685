import type { StaticGraph } from '../differentiate/static-graph.ts';
import {
  emitAdapter,
  emitLevelNorm,
  emitUnitProduct,
  INPUT,
  type ForwardOptions,
  type ForwardWeights,
} from './decoder-forward.ts';

/**
 * A layer's MLP with its adapters, [N, hidden]; null where nothing is left of it.
 *
 * @param x residual stream, [N, hidden]
 */
export function emitMlpForward(
  graph: StaticGraph,
  weights: ForwardWeights,
  options: ForwardOptions,
  layer: number,
  x: string,
): string | null {
  const shape = options.layers[layer];
  if (shape === undefined) throw new RangeError(`no shape for layer ${layer}`);
  const { adapter, config } = options;
  const parallel = adapter?.sites.includes('mlp') === true;
  const parts: string[] = [];
  if (shape.neurons > 0 || parallel) {
    const normed = emitLevelNorm(graph, weights, options, layer, 'mlpNorm', x);
    if (shape.neurons > 0) {
      let hidden = emitNeurons(graph, weights, options, layer, normed);
      if (options.masks)
        hidden = graph.op('Mul', [hidden, graph.input(INPUT.neuronMask(layer), 'float32', [shape.neurons])]);
      parts.push(emitUnitProduct(graph, weights, options, layer, 'down', hidden));
      if (adapter?.sites.includes('down') === true) parts.push(emitAdapter(graph, layer, 'down', hidden));
    }
    if (parallel) parts.push(emitAdapter(graph, layer, 'mlp', normed));
  }
  if (adapter?.bias === true) {
    const bias = INPUT.adapterBias(layer);
    if (parts.length === 0)
      parts.push(graph.op('Expand', [bias, graph.ints(options.batch * options.tokens, config.hiddenSize)]));
    else parts.push(bias);
  }
  return parts.length === 0 ? null : parts.reduce((sum, part) => graph.op('Add', [sum, part]));
}

/** silu(gate) x up of the neurons that are on, [N, neurons]. */
function emitNeurons(
  graph: StaticGraph,
  weights: ForwardWeights,
  options: ForwardOptions,
  layer: number,
  normed: string,
): string {
  const gate = emitUnitProduct(graph, weights, options, layer, 'gate', normed);
  const up = emitUnitProduct(graph, weights, options, layer, 'up', normed);
  const silu = graph.op('Mul', [gate, graph.op('Sigmoid', [gate])]);
  return graph.op('Mul', [silu, up]);
}

/**
 * The hidden values of a layer's MLP, [N, neurons], at least one of which is on.
 *
 * @param x residual stream, [N, hidden]
 */
export function emitMlpHidden(
  graph: StaticGraph,
  weights: ForwardWeights,
  options: ForwardOptions,
  layer: number,
  x: string,
): string {
  const normed = emitLevelNorm(graph, weights, options, layer, 'mlpNorm', x);
  return emitNeurons(graph, weights, options, layer, normed);
}
