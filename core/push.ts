import { z } from 'zod';
import { bundleFileSchema } from './bundle-manifest.ts';

/** State of a push of a bundle or of the agent to a phone. */
export const pushProgressSchema = z.object({
  phase: z.enum(['checking', 'pushing', 'verifying', 'done']),
  what: z.string(),
  /** Bytes that must travel in this push; files that are there already are not in it. */
  bytesTotal: z.number(),
  bytesDone: z.number(),
  filesTotal: z.int(),
  filesSkipped: z.int(),
  bytesPerSecond: z.number().nullable(),
  etaMs: z.number().nullable(),
});
export type PushProgress = z.infer<typeof pushProgressSchema>;

export const pushReportSchema = z.object({
  bytes: z.number(),
  seconds: z.number(),
  filesPushed: z.int(),
  filesSkipped: z.int(),
  /** Bytes of an interrupted earlier push that did not have to travel again. */
  bytesResumed: z.number(),
});
export type PushReport = z.infer<typeof pushReportSchema>;

/** A set of files for the phone, named by content; the bundle's manifest or the agent's deploy list. */
export const fileSetSchema = z.object({ id: z.string(), name: z.string(), files: z.array(bundleFileSchema) });
export type FileSet = z.infer<typeof fileSetSchema>;
