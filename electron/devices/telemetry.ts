import type { DeviceTelemetry } from '../../core/device.ts';
import { parseBattery } from './battery.ts';
import { hottest, parseThermalService, TYPE_CPU, TYPE_SKIN } from './thermal.ts';

const SEPARATOR = '--bungee-battery--';

/** Both dumps in one round trip; either may be refused by a vendor's build without harm to the other. */
export const TELEMETRY_COMMAND = `dumpsys thermalservice 2>/dev/null; echo ${SEPARATOR}; dumpsys battery 2>/dev/null`;

/** Output of {@link TELEMETRY_COMMAND}. */
export function parseTelemetry(stdout: string): DeviceTelemetry {
  const [thermalText = '', batteryText = ''] = stdout.split(SEPARATOR);
  const thermal = parseThermalService(thermalText);
  const battery = parseBattery(batteryText);
  return {
    temperatureC: hottest(thermal, [TYPE_CPU, TYPE_SKIN]),
    skinC: hottest(thermal, [TYPE_SKIN]),
    thermalStatus: thermal.status,
    cpuCoolingState: thermal.cpuCoolingState,
    batteryPercent: battery.percent,
    batteryC: battery.celsius,
    charging: battery.charging,
  };
}
