import { readFile } from 'node:fs/promises';

/** `Pss:` of /proc/self/smaps_rollup, bytes; null where the line is missing. */
export function parsePss(smapsRollup: string): number | null {
  const kib = /^Pss:\s+(\d+) kB$/m.exec(smapsRollup)?.[1];
  return kib === undefined ? null : Number(kib) * 1024;
}

/** Proportional set size of this process: shared file pages counted by share, unlike RSS. */
export async function readPssBytes(): Promise<number | null> {
  const text = await readFile('/proc/self/smaps_rollup', 'utf8').catch(() => null);
  return text === null ? null : parsePss(text);
}

/** CPU time over wall time between calls; 2 = two cores busy. */
export function createCpuLoadMeter(): () => number {
  let cpu = process.cpuUsage();
  let atMs = performance.now();
  return () => {
    const used = process.cpuUsage(cpu);
    const now = performance.now();
    const load = now === atMs ? 0 : (used.user + used.system) / 1000 / (now - atMs);
    cpu = process.cpuUsage();
    atMs = now;
    return load;
  };
}
