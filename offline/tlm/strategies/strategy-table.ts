import { LEVELS, type Level } from '../../../core/level.ts';
import { PROMPT_LEVELS } from '../../../core/prompt-level.ts';
import type { Strategy } from '../../../core/strategy.ts';

/** A figure of every strategy, [PROMPT_LEVELS][LEVELS]. */
export type StrategyTable = readonly (readonly number[])[];

/** Prompt and model levels that requests are run at; the table between them is interpolated. */
export interface StrategyGrid {
  /** Ascending. */
  readonly promptLevels: readonly number[];
  /** Ascending. */
  readonly levels: readonly Level[];
}

export const LABEL_GRID: StrategyGrid = {
  promptLevels: [0.1, 0.2, 0.5, 1],
  levels: [20, 40, 60, 80, 100],
};

/** Every strategy of a grid, lightest prompt level first, then level. */
export function strategiesOf({ promptLevels, levels }: StrategyGrid): Strategy[] {
  return promptLevels.flatMap((promptLevel) => levels.map((modelLevel) => ({ promptLevel, modelLevel })));
}

export function tableOf(value: (promptLevel: number, level: Level) => number): number[][] {
  return PROMPT_LEVELS.map((promptLevel) => LEVELS.map((level) => value(promptLevel, level)));
}

/** Where `x` lies between the points: index of the one below, and the share of the next; clamped to the ends. */
function between(points: readonly number[], x: number): readonly [number, number] {
  const last = points.length - 1;
  if (last < 1 || x <= (points[0] as number)) return [0, 0];
  const at = points.findIndex((point) => point >= x - 1e-9);
  if (at < 0) return [last, 0];
  const [low, high] = [points[at - 1] as number, points[at] as number];
  return [at - 1, Math.min(1, (x - low) / (high - low))];
}

/**
 * The whole table from the figures of a grid: linear between its points, constant outside.
 *
 * @param values of {@link strategiesOf}(grid)
 */
export function interpolated(grid: StrategyGrid, values: readonly number[]): number[][] {
  const { promptLevels, levels } = grid;
  const at = (row: number, column: number): number =>
    values[Math.min(row, promptLevels.length - 1) * levels.length + Math.min(column, levels.length - 1)] ?? 0;
  return tableOf((promptLevel, level) => {
    const [row, down] = between(promptLevels, promptLevel);
    const [column, right] = between(levels, level);
    const upper = at(row, column) * (1 - right) + at(row, column + 1) * right;
    const lower = at(row + 1, column) * (1 - right) + at(row + 1, column + 1) * right;
    return upper * (1 - down) + lower * down;
  });
}

/** Cell by cell; all zero where there are no tables. */
export function meanTable(tables: readonly StrategyTable[]): number[][] {
  return PROMPT_LEVELS.map((_, row) =>
    LEVELS.map(
      (_level, column) =>
        tables.reduce((sum, table) => sum + (table[row]?.[column] ?? 0), 0) / Math.max(1, tables.length),
    ),
  );
}

/**
 * The table without what prompt and model level do to each other: mean of the row, and of the column, less that of
 * all. What few requests tell of single cells is mostly chance; what they tell of rows and columns is less so.
 */
export function additive(table: StrategyTable): number[][] {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const rows = table.map(mean);
  const columns = LEVELS.map((_, column) => mean(table.map((row) => row[column] ?? 0)));
  const all = mean(rows);
  return rows.map((row) => columns.map((column) => row + column - all));
}

/** `weight` of a table's own, the rest of the mean's. */
export function shrunkTowards(mean: StrategyTable, own: StrategyTable, weight: number): number[][] {
  return own.map((row, i) => row.map((value, j) => weight * value + (1 - weight) * (mean[i]?.[j] ?? 0)));
}
