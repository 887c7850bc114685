import type { ModelConfig } from '../../core/model-config.ts';
import { adapterLayout, type AdapterShape, type AdapterSite } from '../../core/recovery-adapter.ts';
import type { StaticGraph } from '../differentiate/static-graph.ts';
import { WEIGHTS } from '../sources/source-model.ts';
import { emitAttentionForward, rotaryConstants } from './attention-forward.ts';
import type { LayerShape } from './layer-shape.ts';
import { emitMlpForward } from './mlp-forward.ts';
import type { UnitMatrix } from './training-weights.ts';

/** Where a forward pass gets a weight from: a stored prefix of it, or an input when it is being trained. */
export interface ForwardWeights {
  /** Embedding, head or norm, by name ({@link WEIGHTS}; `<layer>.attentionNorm`, `<layer>.qNorm`, ...). */
  readonly whole: (name: string) => string;
  readonly part: (
    layer: number,
    matrix: UnitMatrix | 'qBias' | 'kBias' | 'vBias',
    shape: LayerShape,
  ) => string;
}

export interface ForwardOptions {
  readonly config: ModelConfig;
  /** One entry per layer. */
  readonly layers: readonly LayerShape[];
  readonly batch: number;
  readonly tokens: number;
  readonly adapter: AdapterShape | null;
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

/** input · A · B of one adapter, [N, hidden]. */
export function emitAdapter(graph: StaticGraph, layer: number, site: AdapterSite, input: string): string {
  const low = graph.op('MatMul', [input, INPUT.adapterA(layer, site)]);
  return graph.op('MatMul', [low, INPUT.adapterB(layer, site)]);
}

/** A piece of an adapter's flat parameters that a level's graph takes as an input. */
export interface AdapterInput {
  readonly name: string;
  /** First element in the flat parameters; the input is a prefix of its piece there. */
  readonly offset: number;
  readonly dims: readonly number[];
}

/**
 * Declares an adapter's inputs. Pieces of blocks that a level does not have are left out, and so are rows of A
 * that belong to units which it does not have.
 */
export function adapterInputs(
  graph: StaticGraph,
  config: ModelConfig,
  layers: readonly LayerShape[],
  shape: AdapterShape,
): AdapterInput[] {
  const inputs: AdapterInput[] = [];
  for (const { layer, kind, site, offset, dims } of adapterLayout(config, shape).entries) {
    const kept = layers[layer] ?? { kvGroups: 0, neurons: 0 };
    if ((site === 'o' && kept.kvGroups === 0) || (site === 'down' && kept.neurons === 0)) continue;
    const [, rank = 0] = dims;
    const queryRows = (config.heads / config.kvHeads) * config.headDim;
    const rows = site === 'o' ? kept.kvGroups * queryRows : kept.neurons;
    const taken = kind === 'a' && site !== 'mlp' ? [rows, rank] : dims;
    const name =
      kind === 'bias' || site === null
        ? INPUT.adapterBias(layer)
        : kind === 'a'
          ? INPUT.adapterA(layer, site)
          : INPUT.adapterB(layer, site);
    inputs.push({ name: graph.input(name, 'float32', taken), offset, dims: taken });
  }
  return inputs;
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
  return { hidden: emitRmsNorm(graph, config, x, weights.whole(WEIGHTS.finalNorm)), stream };
}
