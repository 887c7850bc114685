import { z } from 'zod';

/** Percentile by linear interpolation between closest ranks (as numpy's default). Empty input: NaN. */
export function percentile(sortedAscending: readonly number[], p: number): number {
  const last = sortedAscending.length - 1;
  if (last < 0) return Number.NaN;
  const position = (p / 100) * last;
  const below = Math.floor(position);
  const low = sortedAscending[below] ?? Number.NaN;
  const high = sortedAscending[Math.min(below + 1, last)] ?? low;
  return low + (high - low) * (position - below);
}

/** n and, in the unit of the samples, mean, standard deviation and percentiles; null where n is 0. */
export const summarySchema = z.object({
  n: z.number(),
  mean: z.number().nullable(),
  std: z.number().nullable(),
  min: z.number().nullable(),
  p50: z.number().nullable(),
  p90: z.number().nullable(),
  p95: z.number().nullable(),
  p99: z.number().nullable(),
  max: z.number().nullable(),
});
export type Summary = z.infer<typeof summarySchema>;

/** Summary of the finite samples; others (an undefined TPOT, say) are left out of n. */
export function summarize(samples: readonly (number | null)[]): Summary {
  const sorted = samples.filter((x): x is number => x !== null && Number.isFinite(x)).sort((a, b) => a - b);
  const n = sorted.length;
  if (n === 0)
    return { n, mean: null, std: null, min: null, p50: null, p90: null, p95: null, p99: null, max: null };
  const mean = sorted.reduce((sum, x) => sum + x, 0) / n;
  const std = Math.sqrt(sorted.reduce((sum, x) => sum + (x - mean) ** 2, 0) / n);
  const at = (p: number): number => percentile(sorted, p);
  return { n, mean, std, min: at(0), p50: at(50), p90: at(90), p95: at(95), p99: at(99), max: at(100) };
}

export function median(samples: readonly number[]): number {
  return percentile(
    [...samples].sort((a, b) => a - b),
    50,
  );
}
