import type { DeviceHardware } from '../../core/device.ts';
import { GOVERNORS_COMMAND, MAX_FREQUENCIES_COMMAND, parseCores } from './cpu-cores.ts';
import { parseMemory } from './memory.ts';
import { HIDL_COMMAND, parseNnapiDevices, SERVICES_COMMAND } from './nnapi-devices.ts';
import { joinSections, splitSections } from './shell-sections.ts';

/** What a phone is made of, in one round trip; every probe is optional. */
export const HARDWARE_COMMAND = joinSections([
  ['services', SERVICES_COMMAND],
  ['hidl', HIDL_COMMAND],
  ['max', MAX_FREQUENCIES_COMMAND],
  ['governors', GOVERNORS_COMMAND],
  ['memory', 'cat /proc/meminfo'],
  ['page', 'getconf PAGESIZE'],
  ['gpu', 'dumpsys SurfaceFlinger | grep -m 1 GLES'],
]);

/** Output of {@link HARDWARE_COMMAND}. */
export function parseHardware(stdout: string): DeviceHardware {
  const section = splitSections(stdout);
  const pageBytes = Number(section('page').trim());
  return {
    cores: parseCores(section('max'), section('governors')),
    memoryBytes: parseMemory(section('memory')).totalBytes,
    pageBytes: Number.isInteger(pageBytes) && pageBytes > 0 ? pageBytes : null,
    nnapiDevices: parseNnapiDevices(section('services'), section('hidl')),
    gpu: parseGpu(section('gpu')),
  };
}

/** `GLES: ARM, Mali-G720-Immortalis MC12, OpenGL ES 3.2 ...`: the second item names the GPU. */
function parseGpu(text: string): string | null {
  return /^\s*GLES:\s*[^,\n]*,\s*([^,\n]+)/m.exec(text)?.[1]?.trim() ?? null;
}
