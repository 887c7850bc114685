/** A battery that discharges slowly, faster under load, and the `dumpsys battery` commands over it. */

/** Nominal charge of the profile's battery, as Pixel 8 has (4575 mAh), microampere hours. */
const FULL_CHARGE_UAH = 4_575_000;
/** Share of the charge that an idle and a fully loaded phone use in an hour. */
const IDLE_PER_HOUR = 0.02;
const LOADED_PER_HOUR = 0.25;

type Plug = 'ac' | 'usb' | 'wireless';

interface Overrides {
  level?: number;
  status?: number;
  temperature?: number;
  plugged: Map<Plug, boolean>;
}

export class Battery {
  /** 0..1. */
  #charge: number;
  #temperatureC = 25;
  #overrides: Overrides | undefined;

  constructor(levelPercent = 84) {
    this.#charge = levelPercent / 100;
  }

  /** Discharges for `seconds` at a CPU load of 0..1. */
  step(seconds: number, load: number, skinC: number): void {
    const perHour = IDLE_PER_HOUR + (LOADED_PER_HOUR - IDLE_PER_HOUR) * Math.min(1, Math.max(0, load));
    this.#charge = Math.max(0.01, this.#charge - (perHour * seconds) / 3600);
    // Cells follow the case slowly; a minute is the usual order.
    this.#temperatureC += (skinC - this.#temperatureC) * (1 - Math.exp(-seconds / 60));
  }

  get temperatureC(): number {
    return this.#temperatureC;
  }

  get levelPercent(): number {
    return this.#overrides?.level ?? Math.round(this.#charge * 100);
  }

  dump(): string {
    const fixed = this.#overrides;
    const plugged = (plug: Plug): boolean => fixed?.plugged.get(plug) ?? false;
    const isPlugged = plugged('ac') || plugged('usb') || plugged('wireless');
    const temperature = fixed?.temperature ?? Math.round(this.#temperatureC * 10);
    return `${[
      'Current Battery Service state:',
      ...(fixed === undefined ? [] : ["  (UPDATES STOPPED -- use 'reset' to restart)"]),
      `  AC powered: ${plugged('ac')}`,
      `  USB powered: ${plugged('usb')}`,
      `  Wireless powered: ${plugged('wireless')}`,
      '  Dock powered: false',
      '  Max charging current: 0',
      '  Max charging voltage: 0',
      `  Charge counter: ${Math.round(this.#charge * FULL_CHARGE_UAH)}`,
      `  status: ${fixed?.status ?? (isPlugged ? 2 : 3)}`,
      '  health: 2',
      '  present: true',
      `  level: ${this.levelPercent}`,
      '  scale: 100',
      `  voltage: ${Math.round(3500 + 900 * this.#charge)}`,
      `  temperature: ${temperature}`,
      '  technology: Li-ion',
    ].join('\n')}\n`;
  }

  /**
   * `dumpsys battery <args>`: `unplug`, `reset`, `set level|status|temp|ac|usb|wireless <n>`.
   *
   * @returns what the service prints; empty on success.
   */
  command(args: readonly string[]): string {
    const [verb, key = '', value = ''] = args;
    if (verb === 'reset') {
      this.#overrides = undefined;
      return '';
    }
    const fixed: Overrides = this.#overrides ?? { plugged: new Map() };
    if (verb === 'unplug') {
      for (const plug of ['ac', 'usb', 'wireless'] as const) fixed.plugged.set(plug, false);
      this.#overrides = fixed;
      return '';
    }
    const number = Number(value);
    if (verb !== 'set' || value === '' || !Number.isInteger(number))
      return `Bad value or unknown command: ${args.join(' ')}\n`;
    if (key === 'level') fixed.level = number;
    else if (key === 'status') fixed.status = number;
    else if (key === 'temp') fixed.temperature = number;
    else if (key === 'ac' || key === 'usb' || key === 'wireless') fixed.plugged.set(key, number !== 0);
    else return `Unknown set option: ${key}\n`;
    this.#overrides = fixed;
    return '';
  }
}
