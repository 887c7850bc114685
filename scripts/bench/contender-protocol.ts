import { z } from 'zod';
import { levelSchema } from '../../core/level.ts';

/**
 * Every engine in a comparison runs in a process of its own (its threads and its memory are its own) and
 * idles while another one is measured, so that contenders can be interleaved in one run.
 */
export const contenderSpecSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('elastic'), bundleDir: z.string(), threads: z.int().positive() }),
  z.object({
    kind: z.literal('llama.cpp'),
    packageFolder: z.string(),
    ggufFile: z.string(),
    threads: z.int().positive(),
  }),
]);
export type ContenderSpec = z.infer<typeof contenderSpecSchema>;

export const contenderRequestSchema = z.discriminatedUnion('op', [
  z.object({
    op: z.literal('measure'),
    /** null = the only one it has. */
    level: levelSchema.nullable(),
    promptTokens: z.array(z.int().nonnegative()),
    decodeTokens: z.int().positive(),
  }),
  z.object({ op: z.literal('switch'), levels: z.array(levelSchema), times: z.int().positive() }),
]);
export type ContenderRequest = z.infer<typeof contenderRequestSchema>;

export const contenderReplySchema = z.discriminatedUnion('op', [
  z.object({ op: z.literal('ready'), loadMs: z.number(), what: z.string() }),
  z.object({
    op: z.literal('measured'),
    ttftMs: z.number(),
    tpotMs: z.number().nullable(),
    cpuMs: z.number(),
  }),
  z.object({ op: z.literal('switched'), switchMs: z.array(z.number()) }),
  z.object({ op: z.literal('failed'), message: z.string() }),
]);
export type ContenderReply = z.infer<typeof contenderReplySchema>;
