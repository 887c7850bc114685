import { readElfEnd } from './elf-file.ts';

/**
 * A program without what only debuggers read: everything behind the last byte that is loaded, which is symbols,
 * debug information and the table of sections. The same input gives the same output.
 */
export function stripElf(bytes: Buffer): Buffer {
  const stripped = Buffer.from(bytes.subarray(0, readElfEnd(bytes)));
  // No table of sections: its place, its number of entries and the index of its names.
  stripped.writeBigUInt64LE(0n, 40);
  stripped.writeUInt16LE(0, 60);
  stripped.writeUInt16LE(0, 62);
  return stripped;
}
