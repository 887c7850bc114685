import type { StaticGraph } from '../differentiate/static-graph.ts';
import {
  emitAdapter,
  emitRmsNorm,
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
    const normed = emitRmsNorm(graph, config, x, weights.whole(`${layer}.mlpNorm`));
    if (shape.neurons > 0) {
      const gate = graph.op('FusedMatMul', [normed, weights.part(layer, 'gate', shape)], { transB: 1 });
      const up = graph.op('FusedMatMul', [normed, weights.part(layer, 'up', shape)], { transB: 1 });
      const silu = graph.op('Mul', [gate, graph.op('Sigmoid', [gate])]);
      let hidden = graph.op('Mul', [silu, up]);
      if (options.masks)
        hidden = graph.op('Mul', [hidden, graph.input(INPUT.neuronMask(layer), 'float32', [shape.neurons])]);
      parts.push(graph.op('MatMul', [hidden, weights.part(layer, 'down', shape)]));
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
