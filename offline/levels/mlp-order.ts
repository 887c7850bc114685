import type { Segment } from '../../core/bundle-manifest.ts';
import type { CutLosses, UnitImportance } from '../importance/unit-importance.ts';
import { mlpShares } from './layer-importance.ts';

/**
 * MLP cells of all layers, most important first. By what the model loses per neuron that a layer has less, where that
 * was measured of every layer; else a cell comes in when the width of its layer, in proportion to the layer's
 * importance (models.md §4.2), passes the cell's middle.
 *
 * @param cells of each layer, in the order of their units
 */
export function orderMlpCells(importance: UnitImportance, cells: readonly (readonly Segment[])[]): Segment[] {
  const measured = importance.layers.flatMap(({ cuts, mlp }) => (cuts === undefined ? [] : [{ cuts, mlp }]));
  const shares = mlpShares(importance);
  const placed = cells.flatMap((own, layer) => {
    const losses = measured.length === cells.length ? measured[layer] : undefined;
    if (losses !== undefined) return byLoss(own, losses.cuts, losses.mlp);
    return own.map((cell) => ({ cell, at: (cell.unitStart + cell.units / 2) / (shares[layer] ?? 1) }));
  });
  return placed
    .sort((a, b) => a.at - b.at || a.cell.unitStart - b.cell.unitStart || a.cell.layer - b.cell.layer)
    .map(({ cell }) => cell);
}

/** A layer's cells by what a neuron of each is worth: those that are worth more come first. */
function byLoss(
  cells: readonly Segment[],
  { mlp }: CutLosses,
  without: number,
): { readonly cell: Segment; readonly at: number }[] {
  const whole = cells.reduce((sum, { units }) => sum + units, 0);
  const points = [{ neurons: 0, loss: without }, ...mlp, { neurons: whole, loss: 0 }];
  const lossAt = (neurons: number): number => {
    const next = points.findIndex((point) => point.neurons >= neurons);
    const [before, after] = [points[Math.max(0, next - 1)], points[next]];
    if (before === undefined || after === undefined) return 0;
    if (after.neurons === before.neurons) return after.loss;
    const share = (neurons - before.neurons) / (after.neurons - before.neurons);
    return before.loss + share * (after.loss - before.loss);
  };
  // From the outermost cell in: an inner one is never worth less, since it cannot go before.
  let worth = 0;
  const placed = cells.toReversed().map((cell) => {
    const gone = lossAt(cell.unitStart) - lossAt(cell.unitStart + cell.units);
    worth = Math.max(worth, gone / cell.units);
    return { cell, at: -worth };
  });
  return placed.reverse();
}
