import { adapterBiasName, adapterInputName, adapterNormName } from '../../core/adapter-inputs.ts';
import type { ModelConfig } from '../../core/model-config.ts';
import {
  adapterInputSize,
  type AdapterNorm,
  type AdapterShape,
  type RuntimeSite,
} from '../../core/recovery-adapter.ts';
import type { GraphBuilder } from './graph-builder.ts';

/** A level's recovery adapter inside the graph; its matrices are inputs, so that every level feeds its own. */
export interface AdapterNodes {
  /**
   * The low-rank product of a site's rows, float32 [1, T, hidden], to be added to the block's output; null
   * where the site has none. All zeros when the rank that is fed is 0.
   *
   * @param channels the rows hold only these of the site's channels [from, to); absent or null = all
   */
  readonly product: (
    graph: GraphBuilder,
    site: RuntimeSite,
    layer: number,
    rows: string,
    name: string,
    channels?: readonly [from: number, to: number] | null,
  ) => string | null;
  /** float32 [hidden], to be added with the MLP's output. */
  readonly bias: (layer: number) => string | null;
  /** float32 [hidden]: the level's own norm weights; null where all levels have the model's. */
  readonly norm: (layer: number, norm: AdapterNorm) => string | null;
}

export const NO_ADAPTER: AdapterNodes = { product: () => null, bias: () => null, norm: () => null };

/** Declares the inputs of {@link adapterInputs}; their rank is left open. */
export function emitAdapter(
  graph: GraphBuilder,
  config: ModelConfig,
  shape: AdapterShape<RuntimeSite>,
): AdapterNodes {
  const { layers, hiddenSize } = config;
  for (let layer = 0; layer < layers; layer++) {
    for (const site of shape.sites) {
      graph.input(adapterInputName(layer, site, 'a'), 'float32', [adapterInputSize(config, site), 'rank']);
      graph.input(adapterInputName(layer, site, 'b'), 'float32', ['rank', hiddenSize]);
    }
    if (shape.bias) graph.input(adapterBiasName(layer), 'float32', [hiddenSize]);
    if (shape.norms)
      for (const norm of ['attentionNorm', 'mlpNorm'] as const)
        graph.input(adapterNormName(layer, norm), 'float32', [hiddenSize]);
  }
  if (shape.norms) graph.input(adapterNormName(layers, 'finalNorm'), 'float32', [hiddenSize]);
  return {
    product: (inside, site, layer, rows, name, channels = null) => {
      if (!shape.sites.includes(site)) return null;
      const whole = adapterInputName(layer, site, 'a');
      const a =
        channels === null
          ? whole
          : inside.node(
              'Slice',
              [whole, inside.ints(channels[0]), inside.ints(channels[1]), inside.ints(0)],
              [`${name}.${site}_adapter.a`],
            );
      const low = inside.node('MatMul', [rows, a], [`${name}.${site}_adapter.low`]);
      return inside.node(
        'MatMul',
        [low, adapterInputName(layer, site, 'b')],
        [`${name}.${site}_adapter.out`],
      );
    },
    bias: (layer) => (shape.bias ? adapterBiasName(layer) : null),
    norm: (layer, norm) => (shape.norms ? adapterNormName(layer, norm) : null),
  };
}
