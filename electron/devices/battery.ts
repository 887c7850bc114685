/**
 * Parser of `dumpsys battery`; vendors add lines and leave some out. Samsung's go on with sections of their own after
 * AOSP's, so the first line of a name counts.
 */
export interface BatteryReading {
  readonly percent: number | null;
  readonly celsius: number | null;
  readonly charging: boolean | null;
  /** The service says that its figures are held (`dumpsys battery set ...`). */
  readonly isHeld: boolean;
}

/** `BatteryManager.BATTERY_STATUS_*`. */
const STATUS_CHARGING = 2;
const STATUS_FULL = 5;
const STATUS_UNKNOWN = 1;
const HELD = /\(UPDATES STOPPED\b/;

export function parseBattery(text: string): BatteryReading {
  const field = (name: string): number | null => {
    const match = new RegExp(`^\\s*${name}:\\s*(-?\\d+)\\s*$`, 'm').exec(text);
    return match === null ? null : Number(match[1]);
  };
  const level = field('level');
  const scale = field('scale') ?? 100;
  const tenths = field('temperature');
  const status = field('status');
  return {
    percent: level === null || scale <= 0 ? null : Math.round((level * 100) / scale),
    celsius: tenths === null ? null : tenths / 10,
    charging:
      status === null || status === STATUS_UNKNOWN
        ? null
        : status === STATUS_CHARGING || status === STATUS_FULL,
    isHeld: HELD.test(text),
  };
}
