/** Parser of `/proc/meminfo`. */
export interface MemoryReading {
  readonly totalBytes: number | null;
  /** The kernel's own estimate of what processes can still get without swapping. */
  readonly availableBytes: number | null;
}

export function parseMemory(text: string): MemoryReading {
  const bytes = (name: string): number | null => {
    const kib = new RegExp(`^${name}:\\s+(\\d+) kB\\s*$`, 'm').exec(text)?.[1];
    return kib === undefined ? null : Number(kib) * 1024;
  };
  return { totalBytes: bytes('MemTotal'), availableBytes: bytes('MemAvailable') };
}
