import { z } from 'zod';
import { levelSchema, type Level } from './level.ts';
import { median, summarySchema, type Summary } from './statistics.ts';

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
 * p90 over p50 of a device: the median over its cells. A cell has 4 or 5 runs, so that its own p90 is little else than
 * its slowest run; one disturbance would then stand in every prediction near it.
 */
function spreadOf(summaries: readonly Summary[]): number {
  const ratios = summaries.flatMap(({ p50, p90 }) =>
    p50 === null || p90 === null || p50 <= 0 ? [] : [p90 / p50],
  );
  return ratios.length === 0 ? 1 : median(ratios);
}

/** Latency over prompt length of one level. */
type Curve = readonly [Level, readonly (readonly [number, number])[]];

/**
 * Curves of a profile by level, ascending; levels without a usable cell are left out. Their points are what predictions
 * and SLO references use: p90, so that a level called feasible keeps its SLO in nine of ten undisturbed runs, and ratios
 * compare like with like (docs/decisions/0001).
 */
function curvesOf(profile: LatencyProfile, pick: (cell: ProfileCell) => Summary): Curve[] {
  const cells = profile.cells.filter((cell) => cell.threads === profile.threads);
  const levels = [...new Set(cells.map((cell) => cell.level))].sort((a, b) => a - b);
  const spread = spreadOf(cells.map(pick));
  return levels.flatMap((at): Curve[] => {
    const points = cells
      .filter((cell) => cell.level === at)
      .flatMap((cell): [number, number][] => {
        const { p50 } = pick(cell);
        return p50 === null ? [] : [[cell.promptTokens, p50 * spread]];
      })
      .sort((a, b) => a[0] - b[0]);
    return points.length === 0 ? [] : [[at, neverFalling(points)]];
  });
}

type Points = readonly (readonly [number, number])[];

interface ProfileTable {
  readonly ttft: readonly Curve[];
  readonly tpot: readonly Curve[];
  /** Latency over level at the prompt length that was asked for last: decisions ask for all levels in turn. */
  last: { readonly promptTokens: number; readonly ttft: Points; readonly tpot: Points } | null;
}

/** One decision asks for a hundred predictions; what depends on the profile alone is worked out once. */
const TABLES = new WeakMap<LatencyProfile, ProfileTable>();

function tableOf(profile: LatencyProfile): ProfileTable {
  const known = TABLES.get(profile);
  if (known !== undefined) return known;
  const table: ProfileTable = {
    ttft: curvesOf(profile, (cell) => cell.ttftMs),
    tpot: curvesOf(profile, (cell) => cell.tpotMs),
    last: null,
  };
  TABLES.set(profile, table);
  return table;
}

function overLevels(curves: readonly Curve[], promptTokens: number): Points {
  return neverFalling(
    curves.flatMap(([level, points]): [number, number][] => {
      const value = interpolate(points, promptTokens);
      return value === null ? [] : [[level, value]];
    }),
  );
}

/**
 * Predicted service latencies (no queueing) by interpolation in prompt length, then in level; never falling in
 * either.
 *
 * @param profile must not be changed afterwards
 * @returns null when the profile holds no usable cell.
 */
export function predictLatency(
  profile: LatencyProfile,
  level: Level,
  promptTokens: number,
): PredictedLatency | null {
  const table = tableOf(profile);
  if (table.last?.promptTokens !== promptTokens)
    table.last = {
      promptTokens,
      ttft: overLevels(table.ttft, promptTokens),
      tpot: overLevels(table.tpot, promptTokens),
    };
  const ttft = interpolate(table.last.ttft, level);
  const tpot = interpolate(table.last.tpot, level);
  return ttft === null || tpot === null ? null : { ttftMs: ttft, tpotMs: tpot };
}
