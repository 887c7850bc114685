import { lstatSync, readdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

export const MIB = 1024 * 1024;
/** Processes write behind the meter's back: how long a count may be trusted. */
const RECOUNT_AFTER_MS = 3000;

/** Bytes of all files below a host folder; links count nothing, what vanishes meanwhile is skipped. */
export function folderBytes(folder: string): number {
  let total = 0;
  const pending = [folder];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    let entries;
    try {
      entries = readdirSync(at, { withFileTypes: true });
    } catch {
      continue;
    }
    for (const entry of entries) {
      const path = join(at, entry.name);
      if (entry.isDirectory()) pending.push(path);
      else if (entry.isFile()) total += sizeOf(path);
    }
  }
  return total;
}

function sizeOf(path: string): number {
  try {
    return lstatSync(path).size;
  } catch {
    return 0;
  }
}

/** What the phone's storage holds against its capacity; shared by every writer. */
export class StorageMeter {
  #capacityBytes: number;
  #usedBytes = 0;
  #countedAtMs = 0;
  readonly #folder: string;

  constructor(hostFolder: string, capacityBytes: number) {
    this.#folder = hostFolder;
    this.#capacityBytes = capacityBytes;
    this.recount();
  }

  get capacityBytes(): number {
    return this.#capacityBytes;
  }

  setCapacityBytes(bytes: number): void {
    this.#capacityBytes = bytes;
  }

  recount(): void {
    this.#usedBytes = folderBytes(this.#folder);
    this.#countedAtMs = Date.now();
  }

  /** Fresh figures for `df`: no more is free than the host's own disk has. */
  figures(): { capacityBytes: number; usedBytes: number; freeBytes: number } {
    this.recount();
    const host = statfsSync(this.#folder);
    const freeBytes = Math.max(0, Math.min(this.#capacityBytes - this.#usedBytes, host.bavail * host.bsize));
    return { capacityBytes: this.#capacityBytes, usedBytes: this.#usedBytes, freeBytes };
  }

  /** Books `bytes` more; false (and nothing booked) when they do not fit. */
  reserve(bytes: number): boolean {
    if (bytes <= 0) return true;
    if (this.#usedBytes + bytes > this.#capacityBytes || Date.now() - this.#countedAtMs > RECOUNT_AFTER_MS)
      this.recount();
    if (this.#usedBytes + bytes > this.#capacityBytes) return false;
    this.#usedBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#usedBytes = Math.max(0, this.#usedBytes - bytes);
  }
}
