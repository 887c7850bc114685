/** What the kernel looks at before it runs a file, read from the head of an ELF file (System V ABI, chapters 4, 5). */
export interface ElfHead {
  readonly bits: 32 | 64;
  /** `e_machine`. */
  readonly machine: number;
  /** Phone path of the program that loads it; null: it is loaded by the kernel alone. */
  readonly interpreter: string | null;
}

const MAGIC = Buffer.from('\x7fELF', 'latin1');
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;
const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const PT_INTERP = 3;
/** Above any file that runs; a made-up count must not make anybody read on and on. */
const MAX_PROGRAM_HEADERS = 256;
const MAX_PATH_BYTES = 4096;
/** Beyond it no file has anything, and numbers stop being exact. */
const LARGEST_OFFSET = BigInt(Number.MAX_SAFE_INTEGER - MAX_PATH_BYTES);

/**
 * @param read bytes of the file from an offset, fewer than asked for at its end.
 * @returns null for anything but an ELF file that a kernel of a phone would load.
 */
export function readElfHead(read: (offset: number, bytes: number) => Buffer): ElfHead | null {
  const header = read(0, HEADER_BYTES);
  if (!isElf(header) || header[5] !== LITTLE_ENDIAN) return null;
  const machine = header.readUInt16LE(18);
  if (header[4] !== CLASS_64) return { bits: 32, machine, interpreter: null };
  if (header.length < HEADER_BYTES) return null;
  const at = header.readBigUInt64LE(32);
  const count = header.readUInt16LE(56);
  const tableBytes = PROGRAM_HEADER_BYTES * count;
  if (count === 0 || count > MAX_PROGRAM_HEADERS || header.readUInt16LE(54) !== PROGRAM_HEADER_BYTES)
    return null;
  const table = at > LARGEST_OFFSET ? null : read(Number(at), tableBytes);
  if (table === null || table.length < tableBytes) return null;
  for (let entry = 0; entry < tableBytes; entry += PROGRAM_HEADER_BYTES) {
    if (table.readUInt32LE(entry) !== PT_INTERP) continue;
    const textAt = table.readBigUInt64LE(entry + 8);
    const bytes = Math.min(MAX_PATH_BYTES, Number(table.readBigUInt64LE(entry + 32)));
    if (textAt > LARGEST_OFFSET) return null;
    const text = read(Number(textAt), bytes).toString('latin1');
    return { bits: 64, machine, interpreter: text.replace(/\0.*$/s, '') };
  }
  return { bits: 64, machine, interpreter: null };
}

/** Whether a file begins as ELF files do; `head` holds its first bytes. */
export function isElf(head: Buffer): boolean {
  return head.length >= 20 && head.subarray(0, MAGIC.length).equals(MAGIC);
}
