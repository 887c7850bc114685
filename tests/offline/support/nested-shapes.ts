import type { SourceModel } from '../../../offline/sources/source-model.ts';
import { fullShape, type LayerShape } from '../../../offline/training/layer-shape.ts';

/** Layers behind the first keep a share of their neurons, the second at low levels no attention. */
export function shapeOf(model: SourceModel, kept: number): LayerShape[] {
  return fullShape(model.config).map((whole, layer) =>
    layer === 0 || kept === 1
      ? whole
      : {
          kvGroups: layer === 1 && kept < 0.5 ? 0 : whole.kvGroups,
          neurons: Math.floor(whole.neurons * kept),
        },
  );
}
