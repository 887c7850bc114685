import { readFileSync } from 'node:fs';

/** `AT_PAGESZ` of <linux/auxvec.h>. */
const PAGE_SIZE_ENTRY = 6n;
/** Of phones that tell nothing, and of most computers. */
const COMMON_BYTES = 4096;

/** Page size of this computer, which is the virtual phone's; emulated processors are given the same. */
export function pageBytes(): number {
  try {
    const entries = readFileSync('/proc/self/auxv');
    for (let at = 0; at + 16 <= entries.length; at += 16)
      if (entries.readBigUInt64LE(at) === PAGE_SIZE_ENTRY) return Number(entries.readBigUInt64LE(at + 8));
    return COMMON_BYTES;
  } catch {
    return COMMON_BYTES;
  }
}
