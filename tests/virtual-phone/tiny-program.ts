/** Programs of a few instructions without a library, written by hand: what a phone runs needs no compiler here. */

export type Processor = 'x64' | 'arm64';

const MACHINE = { x64: 62, arm64: 183 } as const;
const BASE = 0x400000;
const HEADER_BYTES = 64;
const ENTRY_BYTES = 56;
const PT_LOAD = 1;
const PT_INTERP = 3;
/** Pages of arm64 are this large at most; segments have to lie apart by that. */
const ALIGNMENT = 0x10000;

/** Writes the first 256 bytes of the file named by its first argument to stdout and ends with `status`. */
export function showFileProgram(processor: Processor, status: number, loader?: string): Buffer {
  return elfFile(processor, processor === 'x64' ? showFileX64(status) : showFileArm64(status), loader);
}

/** Runs until it is killed. */
export function endlessProgram(processor: Processor): Buffer {
  return elfFile(processor, processor === 'x64' ? Buffer.from([0xeb, 0xfe]) : words([0x14000000]));
}

/** @param loader adds the path of a loader, as programs with libraries have. */
export function elfFile(processor: Processor, code: Buffer, loader?: string): Buffer {
  const entries = loader === undefined ? 1 : 2;
  const codeAt = HEADER_BYTES + ENTRY_BYTES * entries;
  const text = Buffer.from(loader === undefined ? '' : `${loader}\0`, 'latin1');
  const header = Buffer.alloc(HEADER_BYTES);
  header.write('\x7fELF', 'latin1');
  header.set([2, 1, 1], 4); // 64-bit, little endian, version
  header.writeUInt16LE(2, 16); // executable
  header.writeUInt16LE(MACHINE[processor], 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(BASE + codeAt), 24);
  header.writeBigUInt64LE(BigInt(HEADER_BYTES), 32);
  header.writeUInt16LE(HEADER_BYTES, 52);
  header.writeUInt16LE(ENTRY_BYTES, 54);
  header.writeUInt16LE(entries, 56);
  const sizeBytes = codeAt + code.length + text.length;
  const interp = segment(PT_INTERP, 4, codeAt + code.length, text.length);
  const load = segment(PT_LOAD, 5, 0, sizeBytes);
  return Buffer.concat([header, ...(loader === undefined ? [] : [interp]), load, code, text]);
}

function segment(type: number, flags: number, offset: number, sizeBytes: number): Buffer {
  const entry = Buffer.alloc(ENTRY_BYTES);
  entry.writeUInt32LE(type, 0);
  entry.writeUInt32LE(flags, 4);
  entry.writeBigUInt64LE(BigInt(offset), 8);
  entry.writeBigUInt64LE(BigInt(BASE + offset), 16);
  entry.writeBigUInt64LE(BigInt(BASE + offset), 24);
  entry.writeBigUInt64LE(BigInt(sizeBytes), 32);
  entry.writeBigUInt64LE(BigInt(sizeBytes), 40);
  entry.writeBigUInt64LE(BigInt(type === PT_LOAD ? ALIGNMENT : 1), 48);
  return entry;
}

function words(instructions: readonly number[]): Buffer {
  const code = Buffer.alloc(instructions.length * 4);
  for (const [index, word] of instructions.entries()) code.writeUInt32LE(word, index * 4);
  return code;
}

function showFileArm64(status: number): Buffer {
  const mov = (register: number, value: number): number => (0xd2800000 | (value << 5) | register) >>> 0;
  const svc = 0xd4000001;
  const [openAt, read, write, exit] = [56, 63, 64, 93];
  return words([
    0xf9400be1, // ldr x1, [sp, #16]: argv[1]
    0x92800c60, // mov x0, #-100: AT_FDCWD
    ...[mov(2, 0), mov(8, openAt), svc],
    0xd10403ff, // sub sp, sp, #256
    0x910003e1, // mov x1, sp
    ...[mov(2, 256), mov(8, read), svc],
    0xaa0003e2, // mov x2, x0
    0x910003e1, // mov x1, sp
    ...[mov(0, 1), mov(8, write), svc],
    ...[mov(0, status), mov(8, exit), svc],
  ]);
}

function showFileX64(status: number): Buffer {
  const number = (value: number): number[] => [value & 255, value >> 8, 0, 0];
  const syscall = [0x0f, 0x05];
  const stackToRsi = [0x48, 0x89, 0xe6];
  return Buffer.from([
    ...[0x48, 0x8b, 0x7c, 0x24, 0x10], // mov rdi, [rsp + 16]: argv[1]
    ...[0x31, 0xf6, 0xb8, ...number(2), ...syscall], // open(rdi, 0)
    ...[0x89, 0xc7, 0x48, 0x81, 0xec, ...number(256)], // mov edi, eax; sub rsp, 256
    ...[...stackToRsi, 0xba, ...number(256), 0x31, 0xc0, ...syscall], // read(edi, rsp, 256)
    ...[0x89, 0xc2, 0xbf, ...number(1), ...stackToRsi, 0xb8, ...number(1), ...syscall], // write(1, rsp, eax)
    ...[0xbf, ...number(status), 0xb8, ...number(60), ...syscall], // exit(status)
  ]);
}
