import { fail, ok, type Result } from '../../core/result.ts';

/** What a pack has to know of a program or library for Linux or Android. */
export interface ElfFile {
  /** `e_machine`; 183 = 64-bit ARM. */
  readonly machine: number;
  /** The program that loads it, e.g. `/lib/ld-linux-aarch64.so.1`; null for a library. */
  readonly interpreter: string | null;
  /** Libraries that must be there, by their own names. */
  readonly needed: readonly string[];
  /** Alignment that its segments ask for; below 16384 it fails on kernels with 16 KiB pages. */
  readonly alignmentBytes: number;
}

export const ARM64_MACHINE = 183;

const LOAD = 1;
const DYNAMIC = 2;
const INTERPRETER = 3;
const DT_NEEDED = 1;
const DT_STRTAB = 5;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly fileBytes: number;
  readonly align: number;
}

export function isElf(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, 4) === '\x7fELF';
}

/** Reads a 64-bit little-endian ELF file. Failure `elf-unreadable`. */
export function readElf(bytes: Buffer, what: string): Result<ElfFile> {
  const is64Little = isElf(bytes) && bytes[4] === 2 && bytes[5] === 1;
  if (!is64Little) return fail('elf-unreadable', `${what} is not a 64-bit ELF file.`);
  try {
    const segments = readSegments(bytes);
    const loads = segments.filter(({ type }) => type === LOAD);
    const interpreter = segments.find(({ type }) => type === INTERPRETER);
    return ok({
      machine: bytes.readUInt16LE(18),
      interpreter: interpreter === undefined ? null : text(bytes, interpreter.offset),
      needed: readNeeded(bytes, segments, loads),
      alignmentBytes: Math.min(...loads.map(({ align }) => align)),
    });
  } catch (error) {
    // Reading beyond the end of a cut file.
    if (error instanceof RangeError) return fail('elf-unreadable', `${what} is cut off.`);
    throw error;
  }
}

/** Where the last segment of a readable ELF file ends in it, bytes. */
export function readElfEnd(bytes: Buffer): number {
  return Math.max(...readSegments(bytes).map(({ offset, fileBytes }) => offset + fileBytes));
}

function readSegments(bytes: Buffer): Segment[] {
  const table = Number(bytes.readBigUInt64LE(32));
  const entryBytes = bytes.readUInt16LE(54);
  return Array.from({ length: bytes.readUInt16LE(56) }, (_, i) => {
    const at = table + i * entryBytes;
    const field = (offset: number): number => Number(bytes.readBigUInt64LE(at + offset));
    return {
      type: bytes.readUInt32LE(at),
      offset: field(8),
      address: field(16),
      fileBytes: field(32),
      align: field(48),
    };
  });
}

function readNeeded(bytes: Buffer, segments: readonly Segment[], loads: readonly Segment[]): string[] {
  const dynamic = segments.find(({ type }) => type === DYNAMIC);
  if (dynamic === undefined) return [];
  const entries = Array.from({ length: Math.floor(dynamic.fileBytes / 16) }, (_, i) => {
    const at = dynamic.offset + i * 16;
    return { tag: Number(bytes.readBigInt64LE(at)), value: Number(bytes.readBigUInt64LE(at + 8)) };
  });
  const stringsAddress = entries.find(({ tag }) => tag === DT_STRTAB)?.value;
  const home = loads.find(
    ({ address, fileBytes }) =>
      stringsAddress !== undefined && stringsAddress >= address && stringsAddress < address + fileBytes,
  );
  if (stringsAddress === undefined || home === undefined) return [];
  const strings = stringsAddress - home.address + home.offset;
  return entries.filter(({ tag }) => tag === DT_NEEDED).map(({ value }) => text(bytes, strings + value));
}

function text(bytes: Buffer, start: number): string {
  const end = bytes.indexOf(0, start);
  if (end < 0) throw new RangeError('no end of a name');
  return bytes.toString('latin1', start, end);
}
