import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Start of a temporary name that tells which process it belongs to; `mkdtemp` adds the rest. */
export function ownedName(prefix: string): string {
  return `${prefix}${process.pid}-`;
}

/** Whether a process of this computer is alive (also one that belongs to another user). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/**
 * Removes temporary folders in `parent` whose process is gone: what a killed run left behind. Returns their names.
 *
 * @param prefix what their names begin with; the process' id follows.
 */
export function removeLeftovers(parent: string, prefix: string): string[] {
  const removed: string[] = [];
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(prefix)) continue;
    const pid = /(?:^|-)(\d+)-\w{6}(?:-old)?$/.exec(name.slice(prefix.length))?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    rmSync(join(parent, name), { recursive: true, force: true });
    removed.push(name);
  }
  return removed;
}
