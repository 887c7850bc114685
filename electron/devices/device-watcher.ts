import type { Device, DeviceTelemetry } from '../../core/device.ts';
import type { Failure } from '../../core/result.ts';
import type { AdbDevice, PhoneLink } from '../adb/phone-link.ts';
import type { AliasStore } from './alias-store.ts';
import { FREE_SPACE_COMMAND, parseFreeBytes } from './free-space.ts';
import { HARDWARE_COMMAND, parseHardware } from './hardware.ts';
import { deviceIdentity, parseGetprop } from './properties.ts';
import { parseTelemetry, TELEMETRY_COMMAND } from './telemetry.ts';

export interface DeviceWatcherOptions {
  readonly link: PhoneLink;
  readonly aliases: AliasStore;
  /** Makes the adb server reachable before each attempt to watch (starts it where that is allowed). */
  readonly ensureServer: () => Promise<Failure | null>;
  /** The list or a device in it changed. */
  readonly onChange: () => void;
  readonly onTelemetry: (serial: string, telemetry: DeviceTelemetry) => void;
  readonly onConnection: (connected: boolean, failure: Failure | null) => void;
  /** Delay before the n-th attempt to reach the server again, ms. */
  readonly reconnectDelayMs?: (attempt: number) => number;
}

/** Between two readings of temperature and battery, ms. */
const IDLE_POLL_MS = 5000;
const BUSY_POLL_MS = 1500;

/**
 * The live list of phones: states from adb's tracking, identity and free space read when a phone becomes
 * ready, telemetry polled. A phone that goes stays in the list as `gone` for the session and is picked up
 * again when it returns; so is the adb server.
 */
export class DeviceWatcher {
  readonly #options: DeviceWatcherOptions;
  readonly #devices = new Map<string, Device>();
  readonly #polls = new Map<string, NodeJS.Timeout>();
  readonly #busy = new Set<string>();
  #tracking: { stop(): void } | null = null;
  #retry: NodeJS.Timeout | undefined;
  #attempt = 0;
  #stopped = false;

  constructor(options: DeviceWatcherOptions) {
    this.#options = options;
  }

  list(): readonly Device[] {
    return [...this.#devices.values()];
  }

  get(serial: string): Device | undefined {
    return this.#devices.get(serial);
  }

  /** First attempt is over when this resolves, successful or not. */
  async start(): Promise<void> {
    await this.#track();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    for (const timer of this.#polls.values()) clearTimeout(timer);
    this.#polls.clear();
    this.#tracking?.stop();
  }

  /** While a run is on, temperature is read more often. */
  setBusy(serial: string, busy: boolean): void {
    if (busy === this.#busy.has(serial)) return;
    if (busy) this.#busy.add(serial);
    else this.#busy.delete(serial);
    if (this.#polls.has(serial)) this.#schedulePoll(serial, 0);
  }

  /** Reads the alias store again. */
  refreshAlias(serial: string): void {
    this.#update(serial, { alias: this.#options.aliases.get(serial) });
  }

  /** Reads once more what the phone is made of and how it fares; what it does not tell stays as it was. */
  async refresh(serial: string): Promise<void> {
    await Promise.all([this.#readHardware(serial), this.#readTelemetry(serial)]);
  }

  async refreshFreeSpace(serial: string): Promise<void> {
    const df = await this.#options.link.shell(serial, FREE_SPACE_COMMAND);
    if (df.ok) this.#update(serial, { freeBytes: parseFreeBytes(df.value.stdout) });
  }

  async #track(): Promise<void> {
    const failure = await this.#options.ensureServer();
    if (this.#stopped) return;
    if (failure !== null) return this.#lost(failure);
    const tracking = await this.#options.link.trackDevices(
      (devices) => this.#onDevices(devices),
      (ended) => this.#lost(ended),
    );
    if (!tracking.ok) return this.#lost(tracking.failure);
    if (this.#stopped) return tracking.value.stop();
    this.#tracking = tracking.value;
    this.#attempt = 0;
    this.#options.onConnection(true, null);
  }

  #lost(failure: Failure): void {
    this.#tracking = null;
    if (this.#stopped) return;
    this.#onDevices([]);
    this.#options.onConnection(false, failure);
    const delayMs = (this.#options.reconnectDelayMs ?? ((n) => Math.min(5000, 250 * 2 ** n)))(this.#attempt);
    this.#attempt += 1;
    this.#retry = setTimeout(() => void this.#track(), delayMs);
  }

  #onDevices(listed: readonly AdbDevice[]): void {
    const states = new Map(listed.map((device) => [device.serial, device.state]));
    for (const [serial, device] of this.#devices)
      if (!states.has(serial) && device.state !== 'gone') this.#setState(serial, 'gone');
    for (const { serial, state } of listed) {
      if (!this.#devices.has(serial))
        this.#devices.set(serial, unknownDevice(serial, this.#options.aliases.get(serial)));
      if (this.#devices.get(serial)?.state !== state) this.#setState(serial, state);
    }
  }

  #setState(serial: string, state: Device['state']): void {
    clearTimeout(this.#polls.get(serial));
    this.#polls.delete(serial);
    if (state === 'device') {
      // Shown as connecting until its properties are known, so that nobody acts on a phone without a name.
      this.#update(serial, { state: 'connecting' });
      void this.#identify(serial);
    } else this.#update(serial, { state, telemetry: null });
  }

  async #identify(serial: string): Promise<void> {
    const { link } = this.#options;
    const [properties, df] = await Promise.all([
      link.shell(serial, 'getprop'),
      link.shell(serial, FREE_SPACE_COMMAND),
    ]);
    if (this.#stopped || this.#devices.get(serial)?.state !== 'connecting') return;
    if (!properties.ok) {
      if (properties.failure.code === 'phone-timeout') this.#update(serial, { state: 'offline' });
      else
        this.#polls.set(
          serial,
          setTimeout(() => void this.#identify(serial), 500),
        );
      return;
    }
    this.#update(serial, {
      ...deviceIdentity(parseGetprop(properties.value.stdout)),
      freeBytes: df.ok ? parseFreeBytes(df.value.stdout) : null,
      state: 'device',
    });
    this.#schedulePoll(serial, 0);
    // Not waited for: some of its probes take seconds on some phones, and nothing needs them to begin.
    void this.#readHardware(serial);
  }

  async #readHardware(serial: string): Promise<void> {
    const read = await this.#options.link.shell(serial, HARDWARE_COMMAND);
    if (this.#stopped || this.#devices.get(serial)?.state !== 'device' || !read.ok) return;
    this.#update(serial, { hardware: parseHardware(read.value.stdout) });
  }

  #schedulePoll(serial: string, delayMs: number): void {
    clearTimeout(this.#polls.get(serial));
    if (!this.#stopped)
      this.#polls.set(
        serial,
        setTimeout(() => void this.#poll(serial), delayMs),
      );
  }

  async #poll(serial: string): Promise<void> {
    await this.#readTelemetry(serial);
    if (this.#devices.get(serial)?.state === 'device')
      this.#schedulePoll(serial, this.#busy.has(serial) ? BUSY_POLL_MS : IDLE_POLL_MS);
  }

  async #readTelemetry(serial: string): Promise<void> {
    const read = await this.#options.link.shell(serial, TELEMETRY_COMMAND);
    if (this.#stopped || this.#devices.get(serial)?.state !== 'device') return;
    if (read.ok) {
      const telemetry = parseTelemetry(read.value.stdout);
      this.#update(serial, { telemetry });
      this.#options.onTelemetry(serial, telemetry);
    }
  }

  #update(serial: string, change: Partial<Device>): void {
    const device = this.#devices.get(serial);
    if (device === undefined) return;
    this.#devices.set(serial, { ...device, ...change });
    this.#options.onChange();
  }
}

function unknownDevice(serial: string, alias: string | null): Device {
  return {
    serial,
    state: 'unknown',
    kind: 'physical',
    alias,
    model: null,
    androidVersion: null,
    sdk: null,
    abi: null,
    soc: null,
    systemBuild: null,
    freeBytes: null,
    telemetry: null,
    hardware: null,
  };
}
