import { Tensor } from 'onnxruntime-node';
import type { ModelConfig } from '../../core/model-config.ts';
import {
  adapterLayout,
  type AdapterEntry,
  type AdapterShape,
  type AdapterSite,
} from '../../core/recovery-adapter.ts';
import type { StaticGraph } from '../differentiate/static-graph.ts';
import { INPUT } from './decoder-forward.ts';
import { unitRows, type LayerShape } from './layer-shape.ts';
import { sharedLayout } from './shared-layout.ts';

/** A piece of flat parameters that a level's graph takes as an input. */
export interface ParameterInput {
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
): ParameterInput[] {
  const inputs: ParameterInput[] = [];
  for (const { layer, kind, site, offset, dims } of adapterLayout(config, shape).entries) {
    const kept = layers[layer] ?? { kvGroups: 0, neurons: 0 };
    const attends = kept.kvGroups > 0;
    const readsMlp = kept.neurons > 0 || shape.sites.includes('mlp');
    if ((site === 'o' || kind === 'attentionNorm') && !attends) continue;
    if ((site === 'down' && kept.neurons === 0) || (kind === 'mlpNorm' && !readsMlp)) continue;
    const [, rank = 0] = dims;
    const queryRows = (config.heads / config.kvHeads) * config.headDim;
    const rows = site === 'o' ? kept.kvGroups * queryRows : kept.neurons;
    const taken = kind === 'a' && site !== 'mlp' ? [rows, rank] : dims;
    const name = adapterInputName(layer, kind, site);
    inputs.push({ name: graph.input(name, 'float32', taken), offset, dims: taken });
  }
  return inputs;
}

function adapterInputName(layer: number, kind: AdapterEntry['kind'], site: AdapterSite | null): string {
  switch (kind) {
    case 'a':
      return INPUT.adapterA(layer, site as AdapterSite);
    case 'b':
      return INPUT.adapterB(layer, site as AdapterSite);
    case 'bias':
      return INPUT.adapterBias(layer);
    default:
      return INPUT.adapterNorm(layer, kind);
  }
}

/** Declares the inputs of the change that all levels share; pieces as of {@link adapterInputs}. */
export function sharedInputs(
  graph: StaticGraph,
  config: ModelConfig,
  layers: readonly LayerShape[],
  rank: number,
): ParameterInput[] {
  return sharedLayout(config, rank).entries.flatMap(({ layer, matrix, side, offset, dims }) => {
    const kept = layers[layer] ?? { kvGroups: 0, neurons: 0 };
    const rows = unitRows(config, matrix, kept);
    if (rows === 0) return [];
    const taken = side === 'units' ? [rows, rank] : dims;
    return [{ name: graph.input(INPUT.shared(layer, matrix, side), 'float32', taken), offset, dims: taken }];
  });
}

export function inputSize({ dims }: ParameterInput): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** Views of flat parameters as a graph's inputs. */
export function feedParameters(
  inputs: readonly ParameterInput[],
  parameters: Float32Array,
): Record<string, Tensor> {
  return Object.fromEntries(
    inputs.map((input) => {
      const { name, offset, dims } = input;
      return [name, new Tensor('float32', parameters.subarray(offset, offset + inputSize(input)), dims)];
    }),
  );
}
