import { z } from 'zod';
import { agentStateFileSchema, healthSchema } from './agent-api.ts';
import { appIdSchema } from './app.ts';
import { deviceSchema } from './device.ts';
import { latencyProfileSchema } from './latency-profile.ts';
import { levelSchema } from './level.ts';
import { providerProofSchema } from './provider-proof.ts';
import { pushProgressSchema, pushReportSchema } from './push.ts';
import { environmentSchema, runSummarySchema } from './run-record.ts';
import { chosenPackSchema } from './runtime-pack.ts';
import { sloSchema } from './slo.ts';
import { traceSpecSchema } from './trace.ts';

/** What the desktop services know, as the window shows it. Sent whole whenever it changes. */

export const failureSchema = z.object({
  code: z.string(),
  message: z.string(),
  remedy: z.string().optional(),
  detail: z.string().optional(),
});

export const bundleRowSchema = z.object({
  /** Bundle id, or the path where it can't be read. */
  id: z.string(),
  path: z.string(),
  name: z.string(),
  variant: z.string().nullable(),
  sizeBytes: z.number(),
  levels: z.array(
    z.object({
      level: levelSchema,
      decoderRatio: z.number(),
      totalRatio: z.number(),
      perplexity: z.number().nullable(),
    }),
  ),
  /** The small model that ships with the project, not the default one. */
  builtIn: z.boolean(),
  failure: failureSchema.nullable(),
});
export type BundleRow = z.infer<typeof bundleRowSchema>;

/** From choosing a phone and a bundle to a ready agent. */
export const sessionSchema = z.object({
  serial: z.string(),
  bundleId: z.string(),
  /** null until it is chosen. */
  pack: chosenPackSchema.nullable(),
  phase: z.enum([
    'pushing',
    'starting',
    'proving',
    'profiling',
    'ready',
    'restarting',
    'lost',
    'failed',
    'stopped',
  ]),
  /** What the user has to do on the phone before it goes on; never recorded: it may hold a token. */
  instruction: z.string().nullable(),
  push: pushProgressSchema.nullable(),
  pushReport: pushReportSchema.nullable(),
  agent: agentStateFileSchema.pick({ pid: true, port: true, startedAt: true }).nullable(),
  /** Local end of the adb forward. */
  baseUrl: z.string().nullable(),
  health: healthSchema.nullable(),
  profileProgress: z.object({ cellsDone: z.int(), cells: z.int(), etaMs: z.number().nullable() }).nullable(),
  profile: latencyProfileSchema.nullable(),
  /** What the phone's execution providers were proved to do; null = not proved (yet). */
  proof: providerProofSchema.nullable().default(null),
  /** Times that the agent crashed and was restarted in this session. */
  restarts: z.int(),
  failure: failureSchema.nullable(),
});
export type Session = z.infer<typeof sessionSchema>;

export const activeRunSchema = z.object({
  id: z.string(),
  trace: traceSpecSchema,
  startedAt: z.iso.datetime(),
  sent: z.int(),
  finished: z.int(),
});
export type ActiveRun = z.infer<typeof activeRunSchema>;

export const runRowSchema = z.object({
  id: z.string(),
  status: z.enum(['running', 'finished', 'failed', 'interrupted']),
  startedAt: z.iso.datetime(),
  device: z.string(),
  virtual: z.boolean(),
  bundle: z.string(),
  trace: traceSpecSchema,
  summary: runSummarySchema.nullable(),
});
export type RunRow = z.infer<typeof runRowSchema>;

export const doctorCheckSchema = z.object({
  id: z.string(),
  title: z.string(),
  status: z.enum(['ok', 'warning', 'failed', 'skipped']),
  text: z.string(),
  remedy: z.string().nullable(),
});
export type DoctorCheck = z.infer<typeof doctorCheckSchema>;

export const desktopStateSchema = z.object({
  version: z.string(),
  host: z.enum(['electron', 'web', 'headless']),
  /** The adb server that is used, and whose it is. */
  adb: z.object({
    host: z.string(),
    port: z.int(),
    embedded: z.boolean(),
    connected: z.boolean(),
    failure: z.string().nullable(),
  }),
  environment: environmentSchema.nullable(),
  devices: z.array(deviceSchema),
  bundles: z.array(bundleRowSchema),
  session: sessionSchema.nullable(),
  run: activeRunSchema.nullable(),
  runs: z.array(runRowSchema),
  slos: z.record(appIdSchema, sloSchema),
  trace: traceSpecSchema,
  pinnedLevel: levelSchema.nullable(),
  doctor: z.array(doctorCheckSchema),
});
export type DesktopState = z.infer<typeof desktopStateSchema>;
