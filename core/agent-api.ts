import { z } from 'zod';
import { levelSchema } from './level.ts';
import { CPU_ONLY, phaseProvidersSchema } from './provider-proof.ts';
import { sloSchema } from './slo.ts';
import { elasticReportSchema } from './strategy.ts';

/** HTTP interface of the agent on the phone. OpenAI's fields keep OpenAI's meaning; ours are `slo` and `elastic`. */

export const AGENT_API_VERSION = 1;
/** Largest request body that the agent reads, bytes. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;
/**
 * Header of a generation request: the client's own id for it, so that what the client sent and what the
 * agent's events, chunks and reports say of it can be joined. Anything but {@link requestIdSchema}, or an id
 * in use, is ignored and the agent makes one up; the response carries the id in the same header.
 */
export const REQUEST_ID_HEADER = 'x-request-id';
export const requestIdSchema = z.string().regex(/^[\w.-]{8,64}$/);

const stop = z.union([z.string(), z.array(z.string()).max(4)]).nullish();
const sampling = {
  model: z.string().nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  seed: z.int().nullish(),
  stop,
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  n: z.literal(1, { error: 'only n = 1 is supported: one request runs at a time' }).nullish(),
  user: z.string().nullish(),
  slo: sloSchema.nullish(),
  /**
   * `app` labels the request in events; `level` and `prompt_level` (0 < p <= 1) ask for a strategy instead of an SLO.
   */
  elastic: z
    .strictObject({
      app: z.string().max(64).optional(),
      level: levelSchema.optional(),
      prompt_level: z.number().gt(0).max(1).optional(),
    })
    .nullish(),
};

const contentPart = z.object({ type: z.literal('text'), text: z.string() });
export const chatMessageSchema = z.object({
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content: z.union([z.string(), z.array(contentPart)]),
});
export type ChatMessage = z.infer<typeof chatMessageSchema>;

export const chatRequestSchema = z.object({
  ...sampling,
  messages: z.array(chatMessageSchema).min(1, 'must hold at least one message'),
  max_tokens: z.int().positive().nullish(),
  max_completion_tokens: z.int().positive().nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
});
export type ChatRequest = z.infer<typeof chatRequestSchema>;

export const completionRequestSchema = z.object({
  ...sampling,
  /** Text or token ids; a list of either is served in turn, one choice each. */
  prompt: z.union([
    z.string(),
    z.array(z.int().nonnegative()).min(1),
    z.array(z.string()).min(1).max(64),
    z.array(z.array(z.int().nonnegative()).min(1)).min(1).max(64),
  ]),
  max_tokens: z.int().nonnegative().nullish(),
  echo: z.boolean().nullish(),
  logprobs: z.int().min(0).max(20).nullish(),
});
export type CompletionRequest = z.infer<typeof completionRequestSchema>;

export const pinLevelRequestSchema = z.strictObject({ level: levelSchema.nullable() });

export const profileRequestSchema = z.strictObject({
  mode: z.enum(['quick', 'full']).default('quick'),
  /** Extra thread counts to compare; each one opens a session of its own. */
  threads: z.array(z.int().min(1).max(16)).max(4).optional(),
  serial: z.string().default(''),
  deviceModel: z.string().default(''),
  virtual: z.boolean().default(false),
  /** Hottest sensor now, as the desktop reads it over adb. */
  temperatureC: z.number().nullable().default(null),
});
export type ProfileRequest = z.infer<typeof profileRequestSchema>;

/** `GET /health`; needs no token beyond the usual bearer. */
export const healthSchema = z.object({
  apiVersion: z.literal(AGENT_API_VERSION),
  status: z.enum(['loading', 'ready', 'failed']),
  /** Why it failed, one line. */
  failure: z.string().nullable(),
  pid: z.int(),
  startedAt: z.iso.datetime(),
  uptimeMs: z.number(),
  model: z.string(),
  bundleId: z.string(),
  variant: z.string(),
  threads: z.int(),
  runtime: z.object({
    onnxruntime: z.string(),
    node: z.string(),
    /** {@link providers} in words. */
    provider: z.string(),
    /** What runs each phase, as proved; agents before the proof ran on the CPU only. */
    providers: phaseProvidersSchema.default(CPU_ONLY),
    arch: z.string(),
  }),
  /** `zero-row`, or `conditional` where the runtime refused empty matrices. */
  segmentForm: z.enum(['zero-row', 'conditional']),
  loadMs: z.number().nullable(),
  queueLength: z.int(),
  pinnedLevel: levelSchema.nullable(),
  hasProfile: z.boolean(),
  /** Whether prompts are compressed and strategies proposed by a TLM. */
  hasTlm: z.boolean().default(false),
});
export type Health = z.infer<typeof healthSchema>;

export const usageSchema = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
});
export type Usage = z.infer<typeof usageSchema>;

/** One `data:` line of a streamed chat completion, as far as the desktop reads it. */
export const chatChunkSchema = z.object({
  id: z.string(),
  choices: z.array(
    z.object({
      delta: z.object({ content: z.string().nullish() }),
      finish_reason: z.string().nullish(),
    }),
  ),
  usage: usageSchema.nullish(),
  elastic: elasticReportSchema.nullish(),
  error: z.object({ message: z.string(), type: z.string(), code: z.string().nullish() }).nullish(),
});

/** OpenAI's error body. */
export interface ApiErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  };
}
export const apiErrorSchema = z.object({
  error: z.object({ message: z.string(), type: z.string(), code: z.string().nullish() }),
});

/**
 * What the desktop leaves beside the agent on the phone and the agent completes: how to reach it again.
 * Written to `agent.json` in the agent's folder once it listens; removed when it stops by itself.
 */
export const agentStateFileSchema = z.object({
  apiVersion: z.literal(AGENT_API_VERSION),
  pid: z.int().positive(),
  port: z.int().positive(),
  token: z.string().min(16),
  bundleId: z.string(),
  startedAt: z.iso.datetime(),
});
export type AgentStateFile = z.infer<typeof agentStateFileSchema>;
export const AGENT_STATE_FILE = 'agent.json';
