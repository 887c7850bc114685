import { z } from 'zod';
import { levelSchema, type Level } from './level.ts';
import { summarySchema, type Summary } from './statistics.ts';

export const PROFILE_SCHEMA_VERSION = 1;

/** TTFT and TPOT of one level at one prompt length, warm-up excluded, no queueing. */
export const profileCellSchema = z.object({
  level: levelSchema,
  promptTokens: z.int().positive(),
  threads: z.int().positive(),
  /** Service TTFT, ms. */
  ttftMs: summarySchema,
  /** TPOT after a prompt of `promptTokens`, ms. */
  tpotMs: summarySchema,
});
export type ProfileCell = z.infer<typeof profileCellSchema>;

/** One device's measured latency table for one bundle. */
export const latencyProfileSchema = z.object({
  schemaVersion: z.literal(PROFILE_SCHEMA_VERSION),
  bundleId: z.string(),
  /** `quick` = few cells, for a first start; `full` = the whole grid. */
  mode: z.enum(['quick', 'full']),
  measuredAt: z.iso.datetime(),
  device: z.object({ serial: z.string(), model: z.string(), virtual: z.boolean() }),
  runtime: z.object({ onnxruntime: z.string(), node: z.string(), provider: z.string(), arch: z.string() }),
  /** Threads that the agent serves with; cells with other counts are for comparison only. */
  threads: z.int().positive(),
  decodeTokens: z.int().positive(),
  warmUpRuns: z.int().nonnegative(),
  /** Hottest sensor before and after, degrees Celsius; null = the phone does not tell. */
  temperatureC: z.object({ before: z.number().nullable(), after: z.number().nullable() }),
  cells: z.array(profileCellSchema).min(1),
});
export type LatencyProfile = z.infer<typeof latencyProfileSchema>;

export interface PredictedLatency {
  readonly ttftMs: number;
  readonly tpotMs: number;
}

/** Linear between the two nearest points, extended along the last slope; never below 0. */
function interpolate(points: readonly (readonly [number, number])[], x: number): number | null {
  const [first] = points;
  if (first === undefined) return null;
  if (points.length === 1) return first[1];
  let i = points.findIndex(([at]) => at >= x);
  if (i < 0) i = points.length - 1;
  const [x1, y1] = points[Math.max(1, i)] ?? first;
  const [x0, y0] = points[Math.max(1, i) - 1] ?? first;
  return x1 === x0 ? y1 : Math.max(0, y0 + ((y1 - y0) * (x - x0)) / (x1 - x0));
}

/**
 * Least-squares fit that never falls (pool adjacent violators): more tokens or a larger level cannot be
 * faster, so where a noisy cell says so, it and its neighbour share their mean.
 *
 * @param points ascending in x.
 */
function neverFalling(points: readonly (readonly [number, number])[]): [number, number][] {
  const pools: { xs: number[]; mean: number }[] = [];
  for (const [x, y] of points) {
    let pool = { xs: [x], mean: y };
    for (let last = pools.at(-1); last !== undefined && last.mean > pool.mean; last = pools.at(-1)) {
      const n = last.xs.length + pool.xs.length;
      pool = {
        xs: [...last.xs, ...pool.xs],
        mean: (last.mean * last.xs.length + pool.mean * pool.xs.length) / n,
      };
      pools.pop();
    }
    pools.push(pool);
  }
  return pools.flatMap(({ xs, mean }) => xs.map((x): [number, number] => [x, mean]));
}

/**
 * The statistic of a cell that predictions and SLO references use: p90, so that a level called feasible
 * keeps its SLO in nine of ten undisturbed runs, and ratios compare like with like.
 */
function planned(summary: Summary): number | null {
  return summary.p90;
}

/**
 * Predicted service latencies (no queueing) by interpolation in prompt length, then in level; never falling in
 * either.
 *
 * @returns null when the profile holds no usable cell.
 */
export function predictLatency(
  profile: LatencyProfile,
  level: Level,
  promptTokens: number,
): PredictedLatency | null {
  const cells = profile.cells.filter((cell) => cell.threads === profile.threads);
  const levels = [...new Set(cells.map((cell) => cell.level))].sort((a, b) => a - b);
  const predict = (pick: (cell: ProfileCell) => Summary): number | null => {
    const byLevel = levels.flatMap((at): [number, number][] => {
      const points = cells
        .filter((cell) => cell.level === at)
        .map((cell) => [cell.promptTokens, planned(pick(cell))] as const)
        .filter((point): point is readonly [number, number] => point[1] !== null)
        .sort((a, b) => a[0] - b[0]);
      const value = interpolate(neverFalling(points), promptTokens);
      return value === null ? [] : [[at, value]];
    });
    return interpolate(neverFalling(byLevel), level);
  };
  const ttft = predict((cell) => cell.ttftMs);
  const tpot = predict((cell) => cell.tpotMs);
  return ttft === null || tpot === null ? null : { ttftMs: ttft, tpotMs: tpot };
}
