/** Parser of `dumpsys thermalservice` (Android 10 and later). */

export interface ThermalReading {
  /** 0 none ... 6 shutdown; null where the phone does not tell. */
  readonly status: number | null;
  readonly sensors: readonly ThermalSensor[];
  /** Largest state of the CPU's cooling devices; null where the phone does not tell. */
  readonly cpuCoolingState: number | null;
}

export interface ThermalSensor {
  readonly name: string;
  /** `Temperature.TYPE_*`: 0 CPU, 1 GPU, 2 BATTERY, 3 SKIN, 4 USB, 5 PA, 9 NPU. */
  readonly type: number;
  readonly celsius: number;
}

export const TYPE_CPU = 0;
export const TYPE_SKIN = 3;

const CURRENT_SECTION = /^\s*Current temperatures from HAL:/;
const SENSOR = /Temperature\{mValue=([-\d.eE]+|NaN), mType=(-?\d+), mName=([^,}]*), mStatus=(\d+)\}/;

/** `CoolingDevice.TYPE_CPU` is 2. */
const CPU_COOLING = /CoolingDevice\{mValue=(\d+), mType=2,/g;

/**
 * Reads the section "Current temperatures from HAL" only: the cached values above it are stale, the
 * thresholds below it look alike. Cooling devices are listed once. Sensors that give NaN or exactly 0.0 (absent hardware) are left out.
 */
export function parseThermalService(text: string): ThermalReading {
  const status = /^\s*Thermal Status:\s*(\d+)/m.exec(text);
  const sensors: ThermalSensor[] = [];
  let inSection = false;
  for (const line of text.split('\n')) {
    if (CURRENT_SECTION.test(line)) {
      inSection = true;
      continue;
    }
    if (!inSection) continue;
    const sensor = SENSOR.exec(line);
    if (sensor === null) {
      if (line.trim() !== '') inSection = false;
      continue;
    }
    const celsius = Number(sensor[1]);
    if (Number.isFinite(celsius) && celsius !== 0)
      sensors.push({ name: sensor[3] ?? '', type: Number(sensor[2]), celsius });
  }
  const level = status === null ? null : Number(status[1]);
  const states = [...text.matchAll(CPU_COOLING)].map((match) => Number(match[1]));
  return {
    status: level !== null && level <= 6 ? level : null,
    sensors,
    cpuCoolingState: states.length === 0 ? null : Math.max(...states),
  };
}

/** Hottest sensor of the given types, degrees Celsius; null when there is none. */
export function hottest(reading: ThermalReading, types: readonly number[]): number | null {
  const values = reading.sensors.filter((s) => types.includes(s.type)).map((s) => s.celsius);
  return values.length === 0 ? null : Math.max(...values);
}
