import { z } from 'zod';
import { levelSchema } from './level.ts';
import { executionProviderSchema } from './runtime-pack.ts';
import { sloLimitsSchema, sloSchema } from './slo.ts';

/** What is run for a request: the share of compressible prompt tokens kept, and the level. */
export const strategySchema = z.object({
  /** Prompt level p, 0..1; 1 = the prompt is kept whole. */
  promptLevel: z.number().min(0).max(1),
  /** Model level m. */
  modelLevel: levelSchema,
});
export type Strategy = z.infer<typeof strategySchema>;

/**
 * Why this strategy: the TLM's decision head, the guard in its place (the proposal would miss the SLO), the profile
 * alone (bundle without TLM), pinned by a person, asked for in the request, or for want of SLO, profile or room.
 */
export const decidedBySchema = z.enum([
  'tlm',
  'guard',
  'profile',
  'pinned',
  'request',
  'no-slo',
  'no-profile',
  'nothing-feasible',
]);
export type DecidedBy = z.infer<typeof decidedBySchema>;

const latency = z.object({ ttftMs: z.number(), tpotMs: z.number() });

/** Measured over predicted latency of late, 1 = as predicted: thermal drift, other load. */
export const latencyCorrectionSchema = z.object({ ttft: z.number().positive(), tpot: z.number().positive() });
export type LatencyCorrection = z.infer<typeof latencyCorrectionSchema>;

/** A strategy with what is expected of it on this phone for one request; waiting excluded, TLM included. */
export const strategyCellSchema = strategySchema.extend({
  ttftMs: z.number(),
  tpotMs: z.number(),
  /** Measured offline, 0..1 (core/strategy-quality.ts); null = not measured. */
  quality: z.number().nullable(),
  /** Both latencies within the SLO, with the guard's headroom. */
  feasible: z.boolean(),
});
export type StrategyCell = z.infer<typeof strategyCellSchema>;

/** What the orchestrator chose for a request and what it expected. */
export const decisionSchema = z.object({
  strategy: strategySchema,
  decidedBy: decidedBySchema,
  /** Both predicted latencies within the SLO, waiting included; null without SLO or profile. */
  feasible: z.boolean().nullable(),
  slo: sloSchema.nullable(),
  /** The SLO in ms on this phone; null without SLO, or while ratios have no reference. */
  limits: sloLimitsSchema.nullable(),
  /** Full model on the same prompt by the profile: what ratios refer to. */
  reference: latency.nullable(),
  /** Service latencies at the chosen strategy by the corrected profile, queueing excluded, TLM included. */
  predicted: latency.nullable(),
  promptTokens: z.int().default(0),
  /** Tokens of the prompt that the prompt level leaves. */
  keptTokens: z.int().default(0),
  /** What the decision head proposed, and the TLM's time; null = it was not asked. */
  tlm: z.object({ proposed: strategySchema, ms: z.number() }).nullable().default(null),
  correction: latencyCorrectionSchema.default({ ttft: 1, tpot: 1 }),
});
export type Decision = z.infer<typeof decisionSchema>;

/** `elastic` of a response: the decision and what came of it. */
export const elasticReportSchema = decisionSchema.extend({
  requestId: z.string(),
  app: z.string().nullable(),
  measured: z.object({
    /** Arrival -> start of service. */
    queueMs: z.number(),
    /** Arrival -> first token. */
    ttftMs: z.number().nullable(),
    tpotMs: z.number().nullable(),
    e2elMs: z.number().nullable(),
  }),
  /** Tokens of the prompt that another provider than the CPU prefilled; absent = none. */
  prefilledAhead: z.object({ provider: executionProviderSchema, tokens: z.int() }).optional(),
  /** null = not bounded or not measurable. */
  sloHit: z.object({
    ttft: z.boolean().nullable(),
    tpot: z.boolean().nullable(),
    met: z.boolean().nullable(),
  }),
});
export type ElasticReport = z.infer<typeof elasticReportSchema>;
