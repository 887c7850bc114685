import type { DoctorCheck } from '../../core/desktop-state.ts';
import type { Device } from '../../core/device.ts';
import { checkOf, NOT_TOLD, type Finding } from './finding.ts';

/** Names of Android's thermal status (`PowerManager.THERMAL_STATUS_*`). */
const THERMAL_WORDS = ['none', 'light', 'moderate', 'severe', 'critical', 'emergency', 'shutdown'] as const;
const MODERATE = 2;
/** Bundle, caches and runtime of the default model take about 0.5 GB; below twice that Android begins to kill. */
const ENOUGH_MEMORY_BYTES = 1_000_000_000;
const LOW_BATTERY_PERCENT = 20;
/** What phones have, and what every library in the packs is aligned to at least. */
const KNOWN_PAGES = [4096, 16_384];

/** What is known of a ready phone's state and make, as checks; nothing is asked of it here. */
export function phoneChecks(device: Device): DoctorCheck[] {
  const name = device.alias ?? device.serial;
  const check = (id: string, title: string, finding: Finding): DoctorCheck =>
    checkOf(`${id}:${device.serial}`, `${title} ${name}`, finding);
  return [
    check('memory', 'Memory of', memory(device)),
    check('page', 'Page size of', page(device)),
    check('thermal', 'Heat of', thermal(device)),
    check('battery', 'Battery of', battery(device)),
    check('cpu', 'Processor of', cpu(device)),
    check('nnapi', 'NNAPI devices of', nnapi(device)),
  ];
}

function memory({ telemetry, hardware }: Device): Finding {
  const available = telemetry?.availableBytes ?? null;
  if (available === null) return NOT_TOLD;
  const total = hardware?.memoryBytes ?? null;
  const text = `${gigabytes(available)} of ${total === null ? '?' : gigabytes(total)} available`;
  return available >= ENOUGH_MEMORY_BYTES
    ? { status: 'ok', text }
    : { status: 'warning', text, remedy: 'Close apps on the phone, or use a smaller model.' };
}

function page({ hardware }: Device): Finding {
  const bytes = hardware?.pageBytes ?? null;
  if (bytes === null) return NOT_TOLD;
  const text = `${bytes / 1024} KiB`;
  return KNOWN_PAGES.includes(bytes)
    ? { status: 'ok', text }
    : {
        status: 'warning',
        text: `${text}: the packs were made for pages of 4 and 16 KiB`,
        remedy: 'If the agent does not start, its log names the library that the phone cannot load.',
      };
}

function thermal({ telemetry }: Device): Finding {
  const status = telemetry?.thermalStatus ?? null;
  const degrees = telemetry?.temperatureC ?? null;
  if (status === null && degrees === null) return NOT_TOLD;
  const text = [
    ...(status === null ? [] : [`thermal status ${status} (${THERMAL_WORDS[status] ?? '?'})`]),
    ...(degrees === null ? [] : [`${degrees.toFixed(1)} °C at its hottest sensor`]),
  ].join(', ');
  return status !== null && status >= MODERATE
    ? { status: 'warning', text, remedy: 'Let the phone cool down: it slows itself, and figures say so.' }
    : { status: 'ok', text };
}

function battery({ telemetry }: Device): Finding {
  const percent = telemetry?.batteryPercent ?? null;
  if (percent === null) return NOT_TOLD;
  const charging = telemetry?.charging ?? null;
  const state = charging === null ? '' : charging ? ', charging' : ', not charging';
  const text = `${percent} %${state}`;
  if (telemetry?.batteryHeld === true)
    return {
      status: 'warning',
      text: `${text}; the figures are held by hand`,
      remedy: 'Release them: `adb shell dumpsys battery reset`.',
    };
  return charging !== true && percent < LOW_BATTERY_PERCENT
    ? { status: 'warning', text, remedy: 'Charge the phone: low batteries make phones slow themselves.' }
    : { status: 'ok', text };
}

function cpu({ hardware, telemetry, soc }: Device): Finding {
  const cores = hardware?.cores ?? [];
  if (cores.length === 0)
    return { status: 'skipped', text: `${soc ?? 'unknown'}; its frequencies are not readable over adb` };
  const maxima = cores.flatMap(({ maxKhz }) => (maxKhz === null ? [] : [maxKhz]));
  const governors = [...new Set(cores.flatMap(({ governor }) => governor ?? []))];
  const now = telemetry?.coreKhz ?? null;
  return {
    status: 'ok',
    text: [
      soc ?? 'unknown',
      `${cores.length} cores`,
      ...(maxima.length === 0 ? [] : [`up to ${ghz(Math.max(...maxima))}`]),
      ...(now === null ? [] : [`now ${ghzRange(now)}`]),
      ...(governors.length === 0 ? [] : [`governor ${governors.join(', ')}`]),
    ].join(', '),
  };
}

function nnapi({ hardware }: Device): Finding {
  const devices = hardware?.nnapiDevices ?? null;
  if (devices === null) return NOT_TOLD;
  return devices.length === 0
    ? { status: 'skipped', text: 'none: the system lists no NNAPI driver, the CPU serves' }
    : { status: 'ok', text: `${devices.join(', ')} (listed; whether they take graphs is proved below)` };
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

function ghzRange(khz: readonly number[]): string {
  const [slowest, fastest] = [ghz(Math.min(...khz)), ghz(Math.max(...khz))];
  return slowest === fastest ? slowest : `${slowest} to ${fastest}`;
}

function ghz(khz: number): string {
  return `${(khz / 1e6).toFixed(2)} GHz`;
}
