import type { Segment } from '../../core/bundle-manifest.ts';
import type { CutLosses, UnitImportance } from '../importance/unit-importance.ts';
import { mlpShares } from './layer-importance.ts';
import { valueAt, type Points } from './straight-lines.ts';

/**
 * MLP cells of all layers, most important first. By what the model loses per neuron that a layer has less, where that
 * was measured of every layer; else a cell comes in when the width of its layer, in proportion to the layer's
 * importance (models.md §4.2), passes the cell's middle.
 *
 * @param cells of each layer, in the order of their units
 */
export function orderMlpCells(importance: UnitImportance, cells: readonly (readonly Segment[])[]): Segment[] {
  const shares = mlpShares(importance);
  const measured = importance.layers.every(({ cuts }) => cuts !== undefined);
  const placed = importance.layers.flatMap(({ cuts, mlp }, layer) => {
    const own = cells[layer] ?? [];
    if (measured && cuts !== undefined) return byLoss(own, cuts, mlp);
    return own.map((cell) => ({ cell, at: (cell.unitStart + cell.units / 2) / (shares[layer] ?? 1) }));
  });
  return placed
    .sort((a, b) => a.at - b.at || a.cell.unitStart - b.cell.unitStart || a.cell.layer - b.cell.layer)
    .map(({ cell }) => cell);
}

/** A layer's cells by what a neuron of each is worth, the more the earlier. */
function byLoss(
  cells: readonly Segment[],
  { mlp }: CutLosses,
  without: number,
): { readonly cell: Segment; readonly at: number }[] {
  const whole = cells.reduce((sum, { units }) => sum + units, 0);
  const measured = mlp.map(({ neurons, loss }) => [neurons, loss] as const);
  const losses: Points = [[0, without], ...measured, [whole, 0]];
  // From the outermost cell in: an inner one is never worth less, since it cannot go before.
  let worth = 0;
  return cells.toReversed().map((cell) => {
    const gone = valueAt(losses, cell.unitStart) - valueAt(losses, cell.unitStart + cell.units);
    worth = Math.max(worth, gone / cell.units);
    return { cell, at: -worth };
  });
}
