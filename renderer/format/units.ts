import type { Slo } from '../../core/slo.ts';

/** What stands where nothing is known; never 0. */
export const UNKNOWN = '–';
/** Between a number and its unit: never broken over two lines. */
const NARROW = '\u202f';

function known(value: number | null | undefined): value is number {
  return value !== null && value !== undefined && Number.isFinite(value);
}

function digits(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size === 0 || size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

/** Milliseconds in the unit that reads best: `4.20 ms`, `412 ms`, `4.12 s`, `2:05 min`. */
export function formatMs(ms: number | null | undefined): string {
  if (!known(ms)) return UNKNOWN;
  if (Math.abs(ms) < 999.5) return `${digits(ms)}${NARROW}ms`;
  if (Math.abs(ms) < 59_995) return `${(ms / 1000).toFixed(2)}${NARROW}s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}${NARROW}min`;
}

/** Decimal units, as phone makers and adb print them. */
export function formatBytes(bytes: number | null | undefined): string {
  if (!known(bytes)) return UNKNOWN;
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value.toFixed(0) : digits(value)}${NARROW}${units[unit] ?? 'B'}`;
}

/** A share 0..1 in per cent. */
export function formatShare(share: number | null | undefined): string {
  if (!known(share)) return UNKNOWN;
  const percent = share * 100;
  // 99.7 % must not read as a clean sheet, nor 0.3 % as nothing.
  const clean = percent === 0 || percent === 100 || (percent >= 1 && percent <= 99);
  return `${clean ? percent.toFixed(0) : percent.toFixed(1)}${NARROW}%`;
}

export function formatPerSecond(rate: number | null | undefined): string {
  return known(rate) ? `${rate.toFixed(2)}${NARROW}/s` : UNKNOWN;
}

export function formatCelsius(degrees: number | null | undefined): string {
  return known(degrees) ? `${degrees.toFixed(1)}${NARROW}°C` : UNKNOWN;
}

/** A core's frequency out of the kernel's kHz. */
export function formatGigahertz(khz: number | null | undefined): string {
  return known(khz) ? `${(khz / 1e6).toFixed(2)}${NARROW}GHz` : UNKNOWN;
}

export function formatCount(count: number | null | undefined): string {
  return known(count) ? count.toLocaleString('en-US') : UNKNOWN;
}

/** A ratio to the SLO or to the full model. */
export function formatRatio(ratio: number | null | undefined): string {
  return known(ratio) ? ratio.toFixed(2) : UNKNOWN;
}

/** Host time of day, `14:03:09`, or with tenths. */
export function formatClock(atMs: number | null, tenths = false): string {
  if (atMs === null) return UNKNOWN;
  const date = new Date(atMs);
  const two = (n: number): string => String(n).padStart(2, '0');
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return tenths ? `${clock}.${Math.floor(date.getMilliseconds() / 100)}` : clock;
}

/** Day and time of a recorded run, `22 Nov 14:03`. */
export function formatDay(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime())
    ? UNKNOWN
    : `${date.getDate()} ${date.toLocaleString('en', { month: 'short' })} ${formatClock(date.getTime()).slice(0, 5)}`;
}

/** An SLO in a narrow column: `1, 1`, `0.2, 0.5`, `300 ms, –`. */
export function formatSloBrief(slo: Slo | null): string {
  if (slo === null) return UNKNOWN;
  const one = (ratio: number | undefined, ms: number | undefined): string =>
    ms !== undefined ? `${Math.round(ms)}${NARROW}ms` : ratio === undefined ? UNKNOWN : String(ratio);
  return `${one(slo.ttft, slo.ttftMs)}, ${one(slo.tpot, slo.tpotMs)}`;
}
