import type { ModelConfig } from '../../core/model-config.ts';
import type { AdapterNorm, AdapterShape, AdapterSite } from '../../core/recovery-adapter.ts';
import type { StaticGraph } from '../differentiate/static-graph.ts';
import { WEIGHTS } from '../sources/source-model.ts';
import { emitAttentionForward, rotaryConstants } from './attention-forward.ts';
import type { LayerShape, UnitBias, UnitMatrix } from './layer-shape.ts';
import { emitMlpForward } from './mlp-forward.ts';
import type { SharedSide } from './shared-layout.ts';

/** Where a forward pass gets a weight from: a stored prefix of it, or an input when it is being trained. */
export interface ForwardWeights {
  /** Embedding, head or norm, by name ({@link WEIGHTS}; `<layer>.attentionNorm`, `<layer>.qNorm`, ...). */
  readonly whole: (name: string) => string;
  readonly part: (layer: number, matrix: UnitMatrix | UnitBias, shape: LayerShape) => string;
}

export interface ForwardOptions {
  readonly config: ModelConfig;
  /** One entry per layer. */
  readonly layers: readonly LayerShape[];
  readonly batch: number;
  readonly tokens: number;
  readonly adapter: AdapterShape | null;
  /** Rank of the change of the weights that all levels share, an input ({@link sharedInputs}); default 0: none. */
  readonly sharedRank?: number;
  /** Adds the inputs {@link INPUT.neuronMask} and {@link INPUT.groupMask} of every layer. */
  readonly masks: boolean;
}

/** Inputs of training graphs. B = batch, T = tokens, N = B * T. */
export const INPUT = {
  /** int64 [B, T] */
  ids: 'input_ids',
  /** float32 [B, 1, 1, T, T], added to attention scores: 0 where position i may look at j, else very negative. */
  attentionBias: 'attention_bias',
  /** float32 [neurons] */
  neuronMask: (layer: number): string => `mask.${layer}.neurons`,
  /** float32 [kvGroups, 1, 1, 1] */
  groupMask: (layer: number): string => `mask.${layer}.groups`,
  adapterA: (layer: number, site: AdapterSite): string => `adapter.${layer}.${site}.a`,
  adapterB: (layer: number, site: AdapterSite): string => `adapter.${layer}.${site}.b`,
  adapterBias: (layer: number): string => `adapter.${layer}.bias`,
  adapterNorm: (layer: number, norm: AdapterNorm): string => `adapter.${layer}.${norm}`,
  shared: (layer: number, matrix: UnitMatrix, side: SharedSide): string =>
    `shared.${layer}.${matrix}.${side}`,
} as const;

export interface Forward {
  /** Final normalized hidden state, [N, hidden]. */
  readonly hidden: string;
  /** Input of each block, [N, hidden]: attention of layer 0, its MLP, attention of layer 1, ... and the end. */
  readonly stream: readonly string[];
}

/** x / sqrt(mean(x^2) + eps) * weight over the last axis. */
export function emitRmsNorm(graph: StaticGraph, config: ModelConfig, x: string, weight: string): string {
  const axis = graph.dims(x).length - 1;
  const square = graph.op('Mul', [x, x]);
  const mean = graph.op('ReduceMean', [square], { axes: [axis], keepdims: 1 });
  const root = graph.op('Sqrt', [graph.op('Add', [mean, graph.floats(config.rmsNormEps)])]);
  return graph.op('Mul', [graph.op('Div', [x, root]), weight]);
}

/** {@link emitRmsNorm} with a level's own weights where its adapter has them. */
export function emitLevelNorm(
  graph: StaticGraph,
  weights: ForwardWeights,
  { config, adapter }: ForwardOptions,
  layer: number,
  norm: AdapterNorm,
  x: string,
): string {
  const stored = norm === 'finalNorm' ? WEIGHTS.finalNorm : `${layer}.${norm}`;
  const weight = adapter?.norms === true ? INPUT.adapterNorm(layer, norm) : weights.whole(stored);
  return emitRmsNorm(graph, config, x, weight);
}

/** Products that read the residual stream; the others, `o` and `down`, write to it. */
const READS_STREAM: ReadonlySet<UnitMatrix> = new Set(['q', 'k', 'v', 'gate', 'up']);

/**
 * The product of a layer's matrix, cut to a level's units: [N, hidden] -> [N, kept rows] where the matrix reads the
 * stream, else [N, kept rows] -> [N, hidden]; with the change that all levels share.
 */
export function emitUnitProduct(
  graph: StaticGraph,
  weights: ForwardWeights,
  { layers, sharedRank = 0 }: ForwardOptions,
  layer: number,
  matrix: UnitMatrix,
  input: string,
): string {
  const shape = layers[layer];
  if (shape === undefined) throw new RangeError(`no shape for layer ${layer}`);
  const reads = READS_STREAM.has(matrix);
  const product = (x: string, of: string): string =>
    reads ? graph.op('FusedMatMul', [x, of], { transB: 1 }) : graph.op('MatMul', [x, of]);
  const frozen = product(input, weights.part(layer, matrix, shape));
  if (sharedRank === 0) return frozen;
  const units = INPUT.shared(layer, matrix, 'units');
  const hidden = INPUT.shared(layer, matrix, 'hidden');
  const low = graph.op('MatMul', [input, reads ? hidden : units]);
  const change = graph.op('FusedMatMul', [low, reads ? units : hidden], { transB: 1 });
  return graph.op('Add', [frozen, change]);
}

/** input · A · B of one adapter, [N, hidden]. */
export function emitAdapter(graph: StaticGraph, layer: number, site: AdapterSite, input: string): string {
  const low = graph.op('MatMul', [input, INPUT.adapterA(layer, site)]);
  return graph.op('MatMul', [low, INPUT.adapterB(layer, site)]);
}

/**
 * The decoder as plain ONNX operators with static shapes: what can be differentiated. Computes what
 * `writeDecoderGraph`'s f32 form computes from an empty cache (tests compare them), at any level's shape.
 */
export function emitDecoderForward(
  graph: StaticGraph,
  weights: ForwardWeights,
  options: ForwardOptions,
): Forward {
  const { config, batch, tokens } = options;
  const rows = batch * tokens;
  const ids = graph.input(INPUT.ids, 'int64', [batch, tokens]);
  graph.input(INPUT.attentionBias, 'float32', [batch, 1, 1, tokens, tokens]);
  const embedded = graph.op('Gather', [weights.whole(WEIGHTS.embedding), ids], { axis: 0 });
  let x = graph.op('Reshape', [embedded, graph.ints(rows, config.hiddenSize)]);
  const rotary = rotaryConstants(graph, config, tokens);
  const stream = [x];
  for (const [layer, shape] of options.layers.entries()) {
    if (shape.kvGroups > 0)
      x = graph.op('Add', [x, emitAttentionForward(graph, weights, options, rotary, layer, x)]);
    stream.push(x);
    const update = emitMlpForward(graph, weights, options, layer, x);
    if (update !== null) x = graph.op('Add', [x, update]);
    stream.push(x);
  }
  return { hidden: emitLevelNorm(graph, weights, options, config.layers, 'finalNorm', x), stream };
}
