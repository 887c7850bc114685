import { z } from 'zod';

/** What adb says of a phone (`adb devices`), plus `gone` for one that was there in this session. */
export const adbStateSchema = z.enum([
  'device',
  'unauthorized',
  'authorizing',
  'offline',
  'no-permissions',
  'recovery',
  'sideload',
  'bootloader',
  'connecting',
  'gone',
  'unknown',
]);
export type AdbState = z.infer<typeof adbStateSchema>;

/** Every adb state in words and, unless it is usable, what to do about it. */
export const ADB_STATE_WORDS: Record<AdbState, { readonly words: string; readonly remedy: string | null }> = {
  device: { words: 'ready', remedy: null },
  unauthorized: {
    words: 'waits for your permission',
    remedy: 'Unlock the phone and tap "Allow" in the USB debugging dialog.',
  },
  authorizing: {
    words: 'checks this computer’s key',
    remedy: 'Wait a moment, then look at the phone’s screen.',
  },
  offline: { words: 'does not answer', remedy: 'Unplug and replug it, or switch USB debugging off and on.' },
  'no-permissions': {
    words: 'found, but this user may not open it',
    remedy:
      'Add a udev rule for the phone’s vendor (package android-sdk-platform-tools-common) and replug it.',
  },
  recovery: { words: 'is in recovery', remedy: 'Reboot it into Android.' },
  sideload: { words: 'waits for a sideload', remedy: 'Reboot it into Android.' },
  bootloader: { words: 'is in the bootloader', remedy: 'Reboot it into Android.' },
  connecting: { words: 'is connecting', remedy: 'Wait a moment.' },
  gone: { words: 'was unplugged', remedy: 'Plug it in again; Bungee picks it up by itself.' },
  unknown: { words: 'in a state that adb does not explain', remedy: 'Replug it; run `npm run doctor`.' },
};

/** Temperature, battery, frequencies and memory as read over adb; null = the phone does not tell. */
export const deviceTelemetrySchema = z.object({
  /** Hottest of CPU and SKIN in "Current temperatures from HAL", degrees Celsius. */
  temperatureC: z.number().nullable(),
  skinC: z.number().nullable(),
  /** 0 none ... 6 shutdown. */
  thermalStatus: z.int().min(0).max(6).nullable(),
  /** Largest state of the CPU's cooling devices: 0 = runs free, above = the phone slows itself; scale is the vendor's. */
  cpuCoolingState: z.number().nullable().default(null),
  batteryPercent: z.number().nullable(),
  batteryC: z.number().nullable(),
  charging: z.boolean().nullable(),
  /** Battery figures are held by hand (`dumpsys battery set`), so they say nothing of the battery. */
  batteryHeld: z.boolean().default(false),
  /** Frequency of every core that is online and tells, kHz. */
  coreKhz: z.array(z.number()).nullable().default(null),
  /** What processes can still get, bytes. */
  availableBytes: z.number().nullable().default(null),
});
export type DeviceTelemetry = z.infer<typeof deviceTelemetrySchema>;

/** What a phone is made of, read once over adb; null = the phone does not tell. */
export const deviceHardwareSchema = z.object({
  /** Cores that are online; empty where they are not told. */
  cores: z.array(z.object({ core: z.int(), maxKhz: z.number().nullable(), governor: z.string().nullable() })),
  memoryBytes: z.number().nullable(),
  pageBytes: z.int().nullable(),
  /** Names of NNAPI devices that the system lists, e.g. `google-edgetpu`; empty = it lists none. */
  nnapiDevices: z.array(z.string()).nullable(),
  gpu: z.string().nullable(),
});
export type DeviceHardware = z.infer<typeof deviceHardwareSchema>;

export const deviceSchema = z.object({
  serial: z.string(),
  state: adbStateSchema,
  kind: z.enum(['virtual', 'physical']),
  /** Name that the user gave this serial. */
  alias: z.string().nullable(),
  model: z.string().nullable(),
  androidVersion: z.string().nullable(),
  sdk: z.int().nullable(),
  abi: z.string().nullable(),
  soc: z.string().nullable(),
  /** `ro.build.fingerprint`: changes with every system update, drivers included. */
  systemBuild: z.string().nullable().default(null),
  freeBytes: z.number().nullable(),
  telemetry: deviceTelemetrySchema.nullable(),
  hardware: deviceHardwareSchema.nullable().default(null),
});
export type Device = z.infer<typeof deviceSchema>;

/** Words in the processor's name of a virtual phone whose instructions another processor emulates. */
export const EMULATED_SOC = 'emulated by qemu';

/** Whether a phone's figures are those of an emulated processor: they say nothing of the speed of any real one. */
export function isEmulated({ kind, soc }: Pick<Device, 'kind' | 'soc'>): boolean {
  return kind === 'virtual' && soc?.includes(EMULATED_SOC) === true;
}
