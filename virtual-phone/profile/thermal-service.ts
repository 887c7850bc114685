import type { Temperatures, ThermalParameters } from './thermal-model.ts';

/** Temperature types of android.hardware.thermal. */
const TYPE = { CPU: 0, BATTERY: 2, SKIN: 3 } as const;

export interface ThermalReport {
  readonly now: Temperatures & { readonly batteryC: number };
  /** What the service last heard from the HAL; stale on purpose, as on real phones. */
  readonly cached: Temperatures & { readonly batteryC: number };
  readonly status: number;
  readonly isOverridden: boolean;
  /** State of the CPU cooling device, 0 when nothing is held back. */
  readonly coolingState: number;
  readonly parameters: ThermalParameters;
}

function temperatureLines(at: ThermalReport['now'], status: number): string[] {
  const line = (value: number, type: number, name: string, state: number): string =>
    `\tTemperature{mValue=${value.toFixed(3)}, mType=${type}, mName=${name}, mStatus=${state}}`;
  return [
    line(at.cpuC, TYPE.CPU, 'CPU', 0),
    line(at.batteryC, TYPE.BATTERY, 'battery', 0),
    line(at.skinC, TYPE.SKIN, 'VIRTUAL-SKIN', status),
  ];
}

/** Text of `dumpsys thermalservice` in the form of Android 12 and later. */
export function thermalServiceDump(report: ThermalReport, hardwareStatus: number): string {
  const [light, moderate, severe] = report.parameters.thresholdsC;
  const hot = ['NaN', light, moderate, severe, severe + 4, severe + 8, severe + 12].map((at) =>
    typeof at === 'number' ? at.toFixed(1) : at,
  );
  return `${[
    `IsStatusOverride: ${report.isOverridden}`,
    'ThermalEventListeners:',
    '\tcallbacks: 2',
    '\tkilled: false',
    '\tbroadcasts count: -1',
    'ThermalStatusListeners:',
    '\tcallbacks: 3',
    '\tkilled: false',
    '\tbroadcasts count: -1',
    `Thermal Status: ${report.status}`,
    'Cached temperatures:',
    ...temperatureLines(report.cached, hardwareStatus),
    'HAL Ready: true',
    'HAL connection:',
    '\tThermalHAL AIDL 1  connected: yes',
    'Current temperatures from HAL:',
    ...temperatureLines(report.now, hardwareStatus),
    'Current cooling devices from HAL:',
    `\tCoolingDevice{mValue=${report.coolingState}, mType=2, mName=thermal-cpufreq-0}`,
    'Temperature static thresholds from HAL:',
    `\tTemperatureThreshold{mType=3, mName=VIRTUAL-SKIN, mHotThrottlingThresholds=[${hot.join(', ')}], mColdThrottlingThresholds=[NaN, NaN, NaN, NaN, NaN, NaN, NaN]}`,
  ].join('\n')}\n`;
}
