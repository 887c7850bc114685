import { z } from 'zod';
import { levelSchema } from './level.ts';
import { sloLimitsSchema, sloSchema } from './slo.ts';

/** What is run for a request: the share of compressible prompt tokens kept, and the level. */
export const strategySchema = z.object({
  /** Prompt level p, 0..1; 1 = the prompt is kept whole. */
  promptLevel: z.number().min(0).max(1),
  /** Model level m. */
  modelLevel: levelSchema,
});
export type Strategy = z.infer<typeof strategySchema>;

/** Why this strategy: by the profile, pinned by a person, asked for in the request, or for want of a profile. */
export const decidedBySchema = z.enum([
  'profile',
  'pinned',
  'request',
  'no-slo',
  'no-profile',
  'nothing-feasible',
]);
export type DecidedBy = z.infer<typeof decidedBySchema>;

const latency = z.object({ ttftMs: z.number(), tpotMs: z.number() });

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
  /** Service latencies at the chosen strategy by the profile, queueing excluded. */
  predicted: latency.nullable(),
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
  /** null = not bounded or not measurable. */
  sloHit: z.object({
    ttft: z.boolean().nullable(),
    tpot: z.boolean().nullable(),
    met: z.boolean().nullable(),
  }),
});
export type ElasticReport = z.infer<typeof elasticReportSchema>;
