import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, freemem, totalmem, uptime } from 'node:os';
import { join } from 'node:path';
import type { PhoneDevice } from '../device.ts';
import { mergeLookups, syntheticFiles, type SyntheticLookup } from '../files/synthetic.ts';
import type { Machine } from '../machine.ts';

/** Frequency named where the host tells none, kHz. */
const UNKNOWN_FREQUENCY_KHZ = 2_000_000;

/** A file of the host's kernel, else what is made up in its form. */
function hostFile(path: string, otherwise: () => string): () => string {
  return () => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return otherwise();
    }
  };
}

function memoryInfo(): string {
  const kib = (bytes: number): string => `${String(Math.round(bytes / 1024)).padStart(8)} kB`;
  return `MemTotal:       ${kib(totalmem())}\nMemFree:        ${kib(freemem())}\nMemAvailable:   ${kib(freemem())}\n`;
}

function cpuInfo(): string {
  return cpus()
    .map((cpu, index) => `processor\t: ${index}\nmodel name\t: ${cpu.model}\ncpu MHz\t\t: ${cpu.speed}\n\n`)
    .join('');
}

/** `/proc` about the machine and `/sys` about CPU and heat. The machine is the host; heat is the phone's model. */
export function hardwareFiles(device: PhoneDevice): SyntheticLookup {
  const ownCpuInfo = device.machine.cpuInfo;
  const files = new Map<string, () => string>([
    ['/proc/meminfo', hostFile('/proc/meminfo', memoryInfo)],
    ['/proc/cpuinfo', ownCpuInfo === null ? hostFile('/proc/cpuinfo', cpuInfo) : () => ownCpuInfo],
    ['/proc/uptime', hostFile('/proc/uptime', () => `${uptime().toFixed(2)} ${uptime().toFixed(2)}\n`)],
    ['/proc/stat', hostFile('/proc/stat', () => '')],
    ['/proc/loadavg', hostFile('/proc/loadavg', () => '0.00 0.00 0.00 1/1 1\n')],
    ['/proc/version', () => 'Linux version 6.1.0-bungee-virtual\n'],
  ]);
  const cores = cpus();
  const range = cores.length === 1 ? '0\n' : `0-${cores.length - 1}\n`;
  for (const name of ['online', 'possible', 'present'])
    files.set(`/sys/devices/system/cpu/${name}`, () => range);
  for (const [index, cpu] of cores.entries()) {
    const folder = `/sys/devices/system/cpu/cpu${index}/cpufreq`;
    const maxKhz = cpu.speed > 0 ? cpu.speed * 1000 : UNKNOWN_FREQUENCY_KHZ;
    files.set(`${folder}/cpuinfo_max_freq`, () => `${maxKhz}\n`);
    files.set(`${folder}/cpuinfo_min_freq`, () => `${Math.round(maxKhz / 4)}\n`);
    files.set(`${folder}/scaling_max_freq`, () => `${maxKhz}\n`);
    // Held processes advance as if the clock were slower; that is what the throttle stands for.
    files.set(`${folder}/scaling_cur_freq`, () => `${Math.round(maxKhz * (1 - device.thermal.heldShare))}\n`);
    files.set(`${folder}/scaling_governor`, () => 'sched_pixel\n');
  }
  for (const [index, zone] of device.thermal.zones().entries()) {
    const folder = `/sys/class/thermal/thermal_zone${index}`;
    files.set(`${folder}/type`, () => `${zone.name}\n`);
    files.set(`${folder}/temp`, () => `${device.thermal.zones()[index]?.millidegrees ?? 0}\n`);
  }
  return mergeLookups([syntheticFiles(files)]);
}

/** Puts the phone's own `/proc/cpuinfo` where its programs find it: they open files by the emulator's calls. */
export function putCpuInfo({ cpuInfo: text }: Machine, root: string): void {
  const folder = join(root, 'proc');
  if (text === null) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'cpuinfo'), text);
}
