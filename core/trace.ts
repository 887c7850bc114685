import { z } from 'zod';
import { APP_IDS, appIdSchema, type AppId } from './app.ts';
import { seededRandom, shuffled } from './random.ts';

/** A trace is a timed list of requests; apps carry the SLOs, so a live change of an SLO reaches it. */

export const traceKindSchema = z.enum(['poisson', 'steady', 'burst', 'table3']);
export type TraceKind = z.infer<typeof traceKindSchema>;

export const traceSpecSchema = z.strictObject({
  /**
   * `poisson`: random arrivals; `steady`: equal gaps; `burst`: groups of six at once; `table3`: the
   * paper's 600 requests (§5.1), skewed by alpha, Poisson arrivals, ends after the last one.
   */
  kind: traceKindSchema.default('poisson'),
  requestsPerMinute: z.number().positive().max(6000).default(45),
  /** Skew over SLO levels (paper §5.1): above 0 more relaxed requests, below 0 more tight ones. */
  alpha: z.number().min(-2).max(2).default(0),
  /** Ends after this time; null = until stopped (`table3`: until the last request). */
  durationS: z.number().positive().max(86_400).nullable().default(null),
  seed: z.int().nonnegative().default(42),
});
export type TraceSpec = z.infer<typeof traceSpecSchema>;

export interface TraceEntry {
  /** Time since the start of the trace, ms, at the speed of the spec. */
  readonly atMs: number;
  readonly app: AppId;
  /** Which prompt of the app, see {@link promptOf} in app-prompts. */
  readonly promptIndex: number;
}

export const traceEntrySchema: z.ZodType<TraceEntry> = z.object({
  atMs: z.number().nonnegative(),
  app: appIdSchema,
  promptIndex: z.int().nonnegative(),
});

/**
 * Share of requests per app. The paper numbers SLO levels i = 1 (tightest) ... 6 (loosest) and sends
 * `e^(alpha i)` of each (§5.1); `APP_IDS` is loosest first. Sums to 1.
 */
export function appShares(alpha: number): ReadonlyMap<AppId, number> {
  const weights = APP_IDS.map((_, index) => Math.exp(alpha * (APP_IDS.length - index)));
  const sum = weights.reduce((a, b) => a + b, 0);
  return new Map(APP_IDS.map((id, index) => [id, (weights[index] ?? 0) / sum]));
}

/** Requests of the paper's trace. */
export const TABLE3_REQUESTS = 600;

/** Whole counts per app that sum to `total` (largest remainders). */
export function appCounts(alpha: number, total: number): ReadonlyMap<AppId, number> {
  const exact = [...appShares(alpha)].map(([id, share]) => ({
    id,
    whole: Math.floor(share * total),
    rest: (share * total) % 1,
  }));
  let missing = total - exact.reduce((sum, { whole }) => sum + whole, 0);
  const byRest = [...exact].sort((a, b) => b.rest - a.rest);
  const extra = new Set<AppId>();
  for (const { id } of byRest) if (missing-- > 0) extra.add(id);
  return new Map(exact.map(({ id, whole }) => [id, whole + (extra.has(id) ? 1 : 0)]));
}

/**
 * The entries of a trace in time order, lazily: endless where the spec has no end. The same spec gives the
 * same entries.
 */
export function* traceEntries(spec: TraceSpec): Generator<TraceEntry> {
  const random = seededRandom(spec.seed);
  const gapMs = 60_000 / spec.requestsPerMinute;
  const endMs = spec.durationS === null ? Number.POSITIVE_INFINITY : spec.durationS * 1000;
  const sent = new Map<AppId, number>();
  const entry = (atMs: number, app: AppId): TraceEntry => {
    const promptIndex = sent.get(app) ?? 0;
    sent.set(app, promptIndex + 1);
    return { atMs, app, promptIndex };
  };
  const exponentialGap = (): number => -Math.log(1 - random()) * gapMs;

  if (spec.kind === 'table3') {
    const apps = [...appCounts(spec.alpha, TABLE3_REQUESTS)].flatMap(([id, n]) =>
      Array.from({ length: n }, () => id),
    );
    let atMs = 0;
    for (const app of shuffled(apps, random)) {
      if (atMs >= endMs) return;
      yield entry(atMs, app);
      atMs += exponentialGap();
    }
    return;
  }
  const shares = appShares(spec.alpha);
  const pick = (): AppId => {
    let left = random();
    for (const [id, share] of shares) if ((left -= share) < 0) return id;
    return APP_IDS[0];
  };
  if (spec.kind === 'burst') {
    for (let atMs = 0; atMs < endMs; atMs += gapMs * APP_IDS.length)
      for (const app of shuffled(APP_IDS, random)) yield entry(atMs, app);
    return;
  }
  for (let atMs = 0; atMs < endMs; atMs += spec.kind === 'steady' ? gapMs : exponentialGap())
    yield entry(atMs, pick());
}
