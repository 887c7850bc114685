import { z } from 'zod';
import { agentEventSchema } from './agent-event.ts';
import { appIdSchema } from './app.ts';
import { deviceTelemetrySchema } from './device.ts';
import { latencyProfileSchema } from './latency-profile.ts';
import { levelSchema } from './level.ts';
import { pushReportSchema } from './push.ts';
import { chosenPackSchema } from './runtime-pack.ts';
import { sloSchema } from './slo.ts';
import { summarize, summarySchema } from './statistics.ts';
import { decidedBySchema } from './strategy.ts';
import { traceSpecSchema } from './trace.ts';

export const RUN_SCHEMA_VERSION = 1;

/** Where a figure comes from; printed with every table and export. */
export const environmentSchema = z.object({
  phone: z.enum(['virtual', 'physical']),
  /** The phone's processor is emulated: latencies are of the emulator, an order of magnitude from any processor's. */
  emulated: z.boolean().default(false),
  /** E.g. `virtual phone on this CPU (x64, 2 cores, Intel ...)`. */
  description: z.string(),
  cpu: z.string(),
  cores: z.int(),
  hostNode: z.string(),
  platform: z.string(),
  agentNode: z.string().nullable(),
  /** What the agent's Node and ONNX Runtime are made for, e.g. `linux-arm64`; null = not told. */
  agentPlatform: z.string().nullable().default(null),
  onnxruntime: z.string().nullable(),
  /** null = runs of versions before there were packs. */
  runtimePack: chosenPackSchema.nullable().default(null),
  /** What ran each phase, as proved on the phone, e.g. `cpu`. */
  provider: z.string().nullable(),
  /** How that was chosen, a line per provider; empty = not proved (runs of earlier versions too). */
  providerProof: z.array(z.string()).default([]),
  threads: z.int().nullable(),
  thermal: z.boolean().nullable(),
  /** The guard corrects its predictions by what it measures; null = not told (runs of earlier versions). */
  guardCorrection: z.boolean().nullable().default(null),
  bungee: z.string(),
});
export type Environment = z.infer<typeof environmentSchema>;

const counts = z.object({ sent: z.int(), completed: z.int(), failed: z.int(), cutOff: z.int() });

/** Figures of a run or of one app in it; definitions in metrics.ts. */
export const runFiguresSchema = z.object({
  requests: counts,
  sloAttainment: z.number().nullable(),
  /** Queueing left out; null also in runs of versions that did not judge it. */
  serviceAttainment: z.number().nullable().default(null),
  goodputPerSecond: z.number(),
  ttftMs: summarySchema,
  serviceTtftMs: summarySchema.default(summarize([])),
  tpotMs: summarySchema,
  itlMs: summarySchema,
  e2elMs: summarySchema,
  queueMs: summarySchema,
});
export type RunFigures = z.infer<typeof runFiguresSchema>;

/** Heat of the phone over a run, from its telemetry. */
export const heatSchema = z.object({
  /** Case, degrees Celsius. */
  startC: z.number(),
  endC: z.number(),
  maxC: z.number(),
  /** Android's thermal status, 0 none ... 6 shutdown. */
  maxStatus: z.int().nullable(),
  /** See `cpuCoolingState` of device.ts; the virtual phone tells the share of time that it is held, in tenths. */
  maxCpuCoolingState: z.number().nullable(),
});
export type Heat = z.infer<typeof heatSchema>;

export const runSummarySchema = runFiguresSchema.extend({
  durationMs: z.number(),
  levelSwitches: z.int(),
  /** Requests per level, keys are levels as strings. */
  levelsUsed: z.record(z.string(), z.int()),
  /** Served requests by why their strategy was chosen. */
  decisions: z.partialRecord(decidedBySchema, z.int()).default({}),
  /** Mean share of a prompt's tokens that was kept, 0..1; null when nothing was served. */
  promptShareKept: z.number().nullable().default(null),
  /** Mean share of the service TTFT that the TLM took, of the requests that asked it; null = none did. */
  tlmShareOfTtft: z.number().nullable().default(null),
  /** The same of the full model's TTFT on the whole prompt by the profile: what the TLM's size is chosen by. */
  tlmShareOfFullTtft: z.number().nullable().default(null),
  /** Times that the guard lowered the level inside of a request because its TPOT drifted over the bound. */
  levelLowerings: z.int().default(0),
  /** null where the phone does not tell. */
  heat: heatSchema.nullable().default(null),
  perApp: z.partialRecord(appIdSchema, runFiguresSchema),
});
export type RunSummary = z.infer<typeof runSummarySchema>;

/** `run.json` of a run folder; written at the start (`running`) and again at the end. */
export const runRecordSchema = z.object({
  schemaVersion: z.literal(RUN_SCHEMA_VERSION),
  id: z.string(),
  /** `interrupted` = found `running` on disk without a process behind it. */
  status: z.enum(['running', 'finished', 'failed', 'interrupted']),
  failure: z.string().nullable(),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
  device: z.object({
    serial: z.string(),
    kind: z.enum(['virtual', 'physical']),
    model: z.string().nullable(),
  }),
  model: z.string(),
  bundle: z.object({ id: z.string(), name: z.string(), variant: z.string() }),
  trace: traceSpecSchema,
  slos: z.partialRecord(appIdSchema, sloSchema),
  profile: latencyProfileSchema.nullable(),
  push: pushReportSchema.nullable(),
  environment: environmentSchema,
  summary: runSummarySchema.nullable(),
});
export type RunRecord = z.infer<typeof runRecordSchema>;

/** What happened while a run or a live view is on; `hostAtMs` is the desktop's clock, ms since the epoch. */
export const liveEventSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('agent'), hostAtMs: z.number(), event: agentEventSchema }),
  z.object({
    kind: z.literal('sent'),
    hostAtMs: z.number(),
    requestId: z.string(),
    app: appIdSchema,
    promptIndex: z.int(),
    slo: sloSchema.nullable(),
  }),
  z.object({
    kind: z.literal('client-failed'),
    hostAtMs: z.number(),
    requestId: z.string(),
    app: appIdSchema,
    failure: z.string(),
  }),
  z.object({
    kind: z.literal('device'),
    hostAtMs: z.number(),
    serial: z.string(),
    telemetry: deviceTelemetrySchema,
  }),
  z.object({ kind: z.literal('slo-changed'), hostAtMs: z.number(), app: appIdSchema, slo: sloSchema }),
  z.object({ kind: z.literal('level-pinned'), hostAtMs: z.number(), level: levelSchema.nullable() }),
  z.object({
    kind: z.literal('note'),
    hostAtMs: z.number(),
    severity: z.enum(['info', 'warning', 'error']),
    text: z.string(),
  }),
]);
export type LiveEvent = z.infer<typeof liveEventSchema>;
