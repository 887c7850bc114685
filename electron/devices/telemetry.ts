import type { DeviceTelemetry } from '../../core/device.ts';
import { parseBattery } from './battery.ts';
import { CURRENT_FREQUENCIES_COMMAND, parseCoreFiles } from './cpu-cores.ts';
import { parseMemory } from './memory.ts';
import { joinSections, splitSections } from './shell-sections.ts';
import { hottest, parseThermalService, TYPE_CPU, TYPE_SKIN } from './thermal.ts';

/** All probes in one round trip; each may be refused by a vendor's build without harm to the others. */
export const TELEMETRY_COMMAND = joinSections([
  ['thermal', 'dumpsys thermalservice'],
  ['battery', 'dumpsys battery'],
  ['frequencies', CURRENT_FREQUENCIES_COMMAND],
  ['memory', 'cat /proc/meminfo'],
]);

/** Output of {@link TELEMETRY_COMMAND}. */
export function parseTelemetry(stdout: string): DeviceTelemetry {
  const section = splitSections(stdout);
  const thermal = parseThermalService(section('thermal'));
  const battery = parseBattery(section('battery'));
  const frequencies = [...parseCoreFiles(section('frequencies')).values()]
    .map(Number)
    .filter((khz) => khz > 0);
  return {
    temperatureC: hottest(thermal, [TYPE_CPU, TYPE_SKIN]),
    skinC: hottest(thermal, [TYPE_SKIN]),
    thermalStatus: thermal.status,
    cpuCoolingState: thermal.cpuCoolingState,
    batteryPercent: battery.percent,
    batteryC: battery.celsius,
    charging: battery.charging,
    batteryHeld: battery.isHeld,
    coreKhz: frequencies.length === 0 ? null : frequencies,
    availableBytes: parseMemory(section('memory')).availableBytes,
  };
}
