import type { DeviceHardware } from '../../core/device.ts';

/**
 * cpufreq over adb. Vendors hide some of these files from the shell, and cores that are offline have none: what can't
 * be read is left out. The extra file makes grep name the file also where there is a single core.
 */
const filesNamed = (name: string): string =>
  `grep . /sys/devices/system/cpu/cpu[0-9]*/cpufreq/${name} /dev/null`;

export const CURRENT_FREQUENCIES_COMMAND = filesNamed('scaling_cur_freq');
export const MAX_FREQUENCIES_COMMAND = filesNamed('cpuinfo_max_freq');
export const GOVERNORS_COMMAND = filesNamed('scaling_governor');

/** `/sys/.../cpu3/cpufreq/scaling_cur_freq:1804800` lines; values by core, ascending. */
export function parseCoreFiles(text: string): ReadonlyMap<number, string> {
  const found = [...text.matchAll(/^\/sys\/devices\/system\/cpu\/cpu(\d+)\/cpufreq\/\w+:(\S+)\s*$/gm)];
  return new Map(
    found.map((match): [number, string] => [Number(match[1]), match[2] ?? '']).sort((a, b) => a[0] - b[0]),
  );
}

/** Cores by what the three listings tell; a core that one of them leaves out has null there. */
export function parseCores(maxText: string, governorText: string): DeviceHardware['cores'] {
  const maxima = parseCoreFiles(maxText);
  const governors = parseCoreFiles(governorText);
  return [...new Set([...maxima.keys(), ...governors.keys()])]
    .sort((a, b) => a - b)
    .map((core) => {
      const khz = Number(maxima.get(core));
      return { core, maxKhz: khz > 0 ? khz : null, governor: governors.get(core) ?? null };
    });
}
