import { z } from 'zod';

/** Everything that the desktop services are told by whoever starts them; nothing is looked up by themselves. */
export const desktopOptionsSchema = z.strictObject({
  adb: z.strictObject({
    host: z.string().default('127.0.0.1'),
    port: z.int().min(1).max(65_535),
    /** true: an adb server of this process's owner (the virtual phone's); it is never started here. */
    embedded: z.boolean().default(false),
  }),
  /** `host:port` of a phone that is joined by `adb connect` whenever the adb server comes up; null = none. */
  connect: z.string().nullable().default(null),
  /** Runs, profiles, aliases, tokens, settings. */
  stateDir: z.string().min(1),
  /** Folders that are a bundle or hold bundles. */
  bundleDirs: z.array(z.strictObject({ path: z.string().min(1), builtIn: z.boolean().default(false) })),
  /** Folder of `agent.mjs` and `engine-worker.mjs`. */
  agentDir: z.string().min(1),
  /** onnxruntime-node's package folder. */
  onnxruntimeDir: z.string().min(1),
  version: z.string(),
  host: z.enum(['electron', 'web', 'headless']),
  /** Threads of the agent; null = all cores of the phone. */
  threads: z.int().min(1).max(64).nullable().default(null),
  /** The guard corrects its predictions by what it measures; off for comparisons. */
  guardCorrection: z.boolean().default(true),
  /** Assembled runtime packs and their parts. */
  packsDir: z.string().min(1),
  /** Name or folder of the runtime pack; null = by the phone. */
  pack: z.string().min(1).nullable().default(null),
  /** The virtual phone throttles by heat; null = not known (a phone that someone plugged in). */
  thermal: z.boolean().nullable().default(null),
});
export type DesktopOptions = z.output<typeof desktopOptionsSchema>;
export type DesktopOptionsInput = z.input<typeof desktopOptionsSchema>;
