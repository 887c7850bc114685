import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { PhoneOptions } from '../options.ts';
import type { ProcessTable } from '../processes/process-table.ts';
import { Battery } from './battery.ts';
import { DutyCycler } from './duty-cycler.ts';
import {
  heldShare,
  restingTemperatures,
  stepTemperatures,
  thermalStatus,
  type Temperatures,
} from './thermal-model.ts';
import { thermalServiceDump } from './thermal-service.ts';

/** The service's cache follows the HAL this many ticks late. */
const CACHE_TICKS = 20;

/** Keeps the phone's heat and battery going, and holds its processes when the case is hot. */
export class ThermalService {
  readonly battery = new Battery();
  readonly #options: PhoneOptions;
  readonly #processes: ProcessTable;
  readonly #cycler: DutyCycler;
  readonly #timer: NodeJS.Timeout;
  #temperatures: Temperatures;
  #cached: Temperatures & { batteryC: number };
  #cpuSeconds = new Map<number, number>();
  #steppedAtMs = Date.now();
  #ticks = 0;
  #load = 0;
  #statusOverride: number | undefined;
  #ambientC: number;
  #mirrorFolder: string | undefined;

  constructor(options: PhoneOptions, processes: ProcessTable) {
    this.#options = options;
    this.#processes = processes;
    this.#ambientC = options.thermal.ambientC;
    this.#temperatures = restingTemperatures(options.thermal);
    this.#cached = { ...this.#temperatures, batteryC: this.battery.temperatureC };
    this.#cycler = new DutyCycler({ hold: (held) => processes.hold(held) });
    this.#timer = setInterval(() => this.#tick(), options.tickMs);
    this.#timer.unref();
  }

  get temperatures(): Temperatures {
    return this.#temperatures;
  }

  /** Share of all cores that the phone's processes used in the last tick, 0..1. */
  get load(): number {
    return this.#load;
  }

  /** Share of time that the phone's processes are held now, 0..1. */
  get heldShare(): number {
    return this.#cycler.share;
  }

  /** As Android's PowerManager tells it: the override, else what the case's temperature means. */
  get status(): number {
    return this.#statusOverride ?? thermalStatus(this.#temperatures.skinC, this.#parameters);
  }

  get #parameters(): PhoneOptions['thermal'] {
    const { thermal, isThermalOn } = this.#options;
    // A phone that heat does not slow lies on a table with its screen off.
    return { ...thermal, ambientC: this.#ambientC, otherWatt: isThermalOn ? thermal.otherWatt : 0 };
  }

  setAmbientC(celsius: number): void {
    this.#ambientC = celsius;
  }

  overrideStatus(status: number | undefined): void {
    this.#statusOverride = status;
  }

  dump(): string {
    return thermalServiceDump(
      {
        now: { ...this.#temperatures, batteryC: this.battery.temperatureC },
        cached: this.#cached,
        status: this.status,
        isOverridden: this.#statusOverride !== undefined,
        coolingState: Math.round(this.heldShare * 10),
        parameters: this.#parameters,
      },
      thermalStatus(this.#temperatures.skinC, this.#parameters),
    );
  }

  /** Temperatures of the thermal zones, millidegree Celsius, by zone name. */
  zones(): readonly { name: string; millidegrees: number }[] {
    const { skinC, cpuC } = this.#temperatures;
    return [
      { name: 'VIRTUAL-SKIN', millidegrees: Math.round(skinC * 1000) },
      { name: 'CPU', millidegrees: Math.round(cpuC * 1000) },
      { name: 'battery', millidegrees: Math.round(this.battery.temperatureC * 1000) },
    ];
  }

  /** Keeps copies of the zones in the phone's host folder: its processes read files by the host's own calls. */
  mirrorInto(root: string): void {
    this.#mirrorFolder = join(root, 'sys', 'class', 'thermal');
    for (const [index, zone] of this.zones().entries()) {
      mkdirSync(join(this.#mirrorFolder, `thermal_zone${index}`), { recursive: true });
      writeFileSync(join(this.#mirrorFolder, `thermal_zone${index}`, 'type'), `${zone.name}\n`);
    }
    this.#mirror();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#cycler.stop();
  }

  #mirror(): void {
    if (this.#mirrorFolder === undefined) return;
    for (const [index, zone] of this.zones().entries())
      writeFileSync(join(this.#mirrorFolder, `thermal_zone${index}`, 'temp'), `${zone.millidegrees}\n`);
  }

  #tick(): void {
    const nowMs = Date.now();
    const seconds = (nowMs - this.#steppedAtMs) / 1000;
    if (seconds <= 0) return;
    this.#steppedAtMs = nowMs;
    const used = this.#processes.cpuSecondsByPid();
    let busySeconds = 0;
    for (const [pid, total] of used) busySeconds += Math.max(0, total - (this.#cpuSeconds.get(pid) ?? 0));
    this.#cpuSeconds = used;
    this.#load = Math.min(1, busySeconds / seconds / availableParallelism());
    this.#temperatures = stepTemperatures(this.#temperatures, this.#load, seconds, this.#parameters);
    this.battery.step(seconds, this.#load, this.#temperatures.skinC);
    this.#ticks += 1;
    if (this.#ticks % CACHE_TICKS === 0)
      this.#cached = { ...this.#temperatures, batteryC: this.battery.temperatureC };
    if (this.#options.isThermalOn)
      this.#cycler.setShare(heldShare(this.#temperatures.skinC, this.#parameters));
    this.#mirror();
  }
}
