import { z } from 'zod';
import { usageSchema } from './agent-api.ts';
import { latencyProfileSchema } from './latency-profile.ts';
import { levelSchema } from './level.ts';
import { sloSchema } from './slo.ts';
import { decisionSchema, elasticReportSchema, strategyCellSchema } from './strategy.ts';

/** `GET /events` of the agent: server-sent events, one JSON object each. Times are the phone's monotonic ms. */

const base = {
  /** Ascends by 1 without gaps; a gap means dropped events. */
  seq: z.int().nonnegative(),
  atMs: z.number(),
};
const requestId = z.string();

export const agentEventSchema = z.discriminatedUnion('type', [
  z.object({
    ...base,
    type: z.literal('request-queued'),
    requestId,
    app: z.string().nullable(),
    slo: sloSchema.nullable(),
    promptTokens: z.int(),
    queueLength: z.int(),
  }),
  z.object({
    ...base,
    type: z.literal('request-started'),
    requestId,
    decision: decisionSchema,
    /** All strategies that could have been taken; null without SLO or profile. */
    grid: z.array(strategyCellSchema).nullable().default(null),
    queueMs: z.number(),
  }),
  /** What the score head made of a prompt; sent after `request-started` where something was dropped. */
  z.object({
    ...base,
    type: z.literal('prompt-compressed'),
    requestId,
    promptLevel: z.number(),
    /** The prompt in order, in words; `score` is null where the word is always kept. */
    words: z.array(z.object({ text: z.string(), score: z.number().nullable(), kept: z.boolean() })),
  }),
  z.object({ ...base, type: z.literal('token'), requestId, index: z.int(), text: z.string() }),
  z.object({
    ...base,
    type: z.literal('request-finished'),
    requestId,
    outcome: z.enum(['completed', 'failed', 'cancelled']),
    finishReason: z.string().nullable(),
    /** One line, when it failed. */
    failure: z.string().nullable(),
    /** null when it never started. */
    report: elasticReportSchema.nullable(),
    usage: usageSchema.nullable(),
    queueLength: z.int(),
  }),
  z.object({
    ...base,
    type: z.literal('level-switched'),
    from: levelSchema,
    to: levelSchema,
    requestId: requestId.nullable(),
    /** Time that the switch itself took, ms. */
    switchMs: z.number(),
    /** `tpot-drift`: the guard lowered the level inside of the request because its TPOT ran over the bound. */
    reason: z.enum(['strategy', 'tpot-drift']).default('strategy'),
  }),
  z.object({ ...base, type: z.literal('level-pinned'), level: levelSchema.nullable() }),
  z.object({
    ...base,
    type: z.literal('telemetry'),
    queueLength: z.int(),
    /** Proportional set size of the agent, bytes; null where the phone does not tell. */
    pssBytes: z.number().nullable(),
    rssBytes: z.number(),
    /** CPU time over wall time since the last sample, all threads; 2 = two cores busy. */
    cpuLoad: z.number(),
  }),
  z.object({
    ...base,
    type: z.literal('profile-progress'),
    cellsDone: z.int(),
    cells: z.int(),
    etaMs: z.number().nullable(),
  }),
  z.object({ ...base, type: z.literal('profile-finished'), profile: latencyProfileSchema }),
]);
export type AgentEvent = z.infer<typeof agentEventSchema>;
/** An event before it is stamped with `seq` and `atMs`. */
export type UnstampedEvent = AgentEvent extends infer E
  ? E extends AgentEvent
    ? Omit<E, 'seq' | 'atMs'>
    : never
  : never;
