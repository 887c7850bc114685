import type { ModelConfig } from '../../core/model-config.ts';
import type { StaticGraph } from '../differentiate/static-graph.ts';
import {
  emitAdapter,
  emitLevelNorm,
  emitRmsNorm,
  emitUnitProduct,
  INPUT,
  type ForwardOptions,
  type ForwardWeights,
} from './decoder-forward.ts';

/** Values that all layers share to rotate queries and keys. */
export interface Rotary {
  /** float32 [T, headDim] */
  readonly cos: string;
  readonly sin: string;
  /** float32 [headDim, headDim]: x · turn = (-second half, first half). */
  readonly turn: string;
}

/** Tables of Hugging Face's half-split rotary embedding for positions 0 ... tokens - 1. */
export function rotaryConstants(graph: StaticGraph, config: ModelConfig, tokens: number): Rotary {
  const { headDim, ropeTheta } = config;
  const half = headDim / 2;
  const cos = new Float32Array(tokens * headDim);
  const sin = new Float32Array(tokens * headDim);
  const turn = new Float32Array(headDim * headDim);
  for (let i = 0; i < half; i++) {
    turn[(i + half) * headDim + i] = -1;
    turn[i * headDim + i + half] = 1;
    const frequency = ropeTheta ** ((-2 * i) / headDim);
    for (let position = 0; position < tokens; position++)
      for (const column of [i, i + half]) {
        cos[position * headDim + column] = Math.cos(position * frequency);
        sin[position * headDim + column] = Math.sin(position * frequency);
      }
  }
  return {
    cos: graph.constant('rotary.cos', 'float32', [tokens, headDim], cos),
    sin: graph.constant('rotary.sin', 'float32', [tokens, headDim], sin),
    turn: graph.constant('rotary.turn', 'float32', [headDim, headDim], turn),
  };
}

/**
 * A layer's attention with its adapter, [N, hidden]. Queries of a KV group are stacked over its keys
 * ([B, groups, queries per group * T, headDim]), so grouped keys and values are never repeated in memory.
 *
 * @param x residual stream, [N, hidden]
 */
export function emitAttentionForward(
  graph: StaticGraph,
  weights: ForwardWeights,
  options: ForwardOptions,
  rotary: Rotary,
  layer: number,
  x: string,
): string {
  const { config, batch: B, tokens: T } = options;
  const shape = options.layers[layer];
  if (shape === undefined) throw new RangeError(`no shape for layer ${layer}`);
  const { headDim: D } = config;
  const G = shape.kvGroups;
  const perGroup = config.heads / config.kvHeads;
  const normed = emitLevelNorm(graph, weights, options, layer, 'attentionNorm', x);
  const product = (matrix: 'q' | 'k' | 'v'): string => {
    const out = emitUnitProduct(graph, weights, options, layer, matrix, normed);
    return config.qkvBias ? graph.op('Add', [out, weights.part(layer, `${matrix}Bias`, shape)]) : out;
  };
  const rotate = (value: string): string => {
    const turned = graph.op('MatMul', [value, rotary.turn]);
    return graph.op('Add', [graph.op('Mul', [value, rotary.cos]), graph.op('Mul', [turned, rotary.sin])]);
  };
  /** [N, G * n * D] -> [B, G, n, T, D], normalized per head where the model does. */
  const byHead = (value: string, n: number, norm: 'qNorm' | 'kNorm' | null): string => {
    let heads = graph.op('Reshape', [value, graph.ints(B, T, G, n, D)]);
    if (norm !== null && config.qkNorm)
      heads = emitRmsNorm(graph, config, heads, weights.whole(`${layer}.${norm}`));
    return graph.op('Transpose', [heads], { perm: [0, 2, 3, 1, 4] });
  };
  const q = rotate(byHead(product('q'), perGroup, 'qNorm'));
  const k = rotate(byHead(product('k'), 1, 'kNorm'));
  const v = byHead(product('v'), 1, null);
  const queries = graph.op('Reshape', [q, graph.ints(B, G, perGroup * T, D)]);
  const keys = graph.op('Reshape', [k, graph.ints(B, G, T, D)]);
  const values = graph.op('Reshape', [v, graph.ints(B, G, T, D)]);
  const scores = graph.op('FusedMatMul', [queries, keys], {
    transB: 1,
    alpha: { float: 1 / Math.sqrt(D) },
  });
  const biased = graph.op('Add', [
    graph.op('Reshape', [scores, graph.ints(B, G, perGroup, T, T)]),
    INPUT.attentionBias,
  ]);
  const shares = graph.op('Softmax', [biased], { axis: -1 });
  let mixed = graph.op('MatMul', [graph.op('Reshape', [shares, graph.ints(B, G, perGroup * T, T)]), values]);
  mixed = graph.op('Reshape', [mixed, graph.ints(B, G, perGroup, T, D)]);
  if (options.masks) {
    const mask = graph.input(INPUT.groupMask(layer), 'float32', [G, 1, 1, 1]);
    mixed = graph.op('Mul', [mixed, mask]);
  }
  const back = graph.op('Transpose', [mixed], { perm: [0, 3, 1, 2, 4] });
  const output = graph.op('Reshape', [back, graph.ints(B * T, G * perGroup * D)]);
  const update = emitUnitProduct(graph, weights, options, layer, 'o', output);
  if (options.adapter?.sites.includes('o') !== true) return update;
  return graph.op('Add', [update, emitAdapter(graph, layer, 'o', output)]);
}
