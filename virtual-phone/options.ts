import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { DEFAULT_THERMAL } from './profile/thermal-model.ts';

const port = z.number().int().min(0).max(65_535);
const positive = z.number().positive().finite();

/** What a virtual phone can be told; every field has a default. */
export const phoneOptionsSchema = z.strictObject({
  /** Name of the phone at the embedded adb server and in its properties. */
  serial: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/, 'use letters, digits, dot, dash and underscore')
    .default('VIRTUAL0001'),
  /** Port of the TCP adbd on 127.0.0.1; 0 takes any free one, null leaves this door shut. */
  adbdPort: port.nullable().default(0),
  /** Port of the embedded adb server on 127.0.0.1; 0 takes any free one, null leaves this door shut. */
  adbServerPort: port.nullable().default(0),
  /** Host folder of the phone's files, adb keys and processes. */
  stateDir: z.string().min(1).optional(),
  storageMib: z.number().int().min(16).max(4_194_304).default(65_536),
  /** Bandwidth of the link between phone and host, megabit per second, each way; null is unlimited. */
  linkMbps: positive.nullable().default(null),
  linkLatencyMs: z.number().min(0).max(10_000).default(0),
  /** Heat slows the phone's processes. */
  isThermalOn: z.boolean().default(false),
  thermal: z
    .strictObject({
      ambientC: z.number().min(-40).max(80),
      fullLoadWatt: positive,
      otherWatt: z.number().min(0).finite(),
      skinKelvinPerWatt: positive,
      cpuKelvinPerWatt: positive,
      skinTimeConstantS: positive,
      cpuTimeConstantS: positive,
      thresholdsC: z
        .tuple([z.number(), z.number(), z.number()])
        .refine(([light, moderate, severe]) => light < moderate && moderate < severe, 'must rise'),
      maxHeldShare: z.number().min(0).max(0.95),
    })
    .default({ ...DEFAULT_THERMAL, thresholdsC: [...DEFAULT_THERMAL.thresholdsC] }),
  /** How often heat and battery are computed. */
  tickMs: z.number().int().min(10).max(60_000).default(500),
  /** Processor: this computer's, or arm64 (emulated where this computer has another). */
  arch: z.enum(['host', 'arm64']).default('host'),
  /** qemu's user emulation for arm64; the one on PATH by default. */
  emulatorPath: z.string().min(1).optional(),
  /** Node that runs as the phone's `node`; this process's own by default. */
  nodePath: z.string().min(1).optional(),
});

export type PhoneOptionsInput = z.input<typeof phoneOptionsSchema>;
export type PhoneOptions = z.output<typeof phoneOptionsSchema>;

/** `<cache folder of the user>/bungee/phones/<serial>`. */
export function defaultStateDir(serial: string): string {
  const cache =
    process.platform === 'win32'
      ? (process.env['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local'))
      : process.platform === 'darwin'
        ? join(homedir(), 'Library', 'Caches')
        : (process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'));
  return join(cache, 'bungee', 'phones', serial);
}
