import { createHash } from 'node:crypto';
import { deflateRawSync, gzipSync } from 'node:zlib';

/** A file or link for an archive that a test makes. */
export interface MadeFile {
  readonly path: string;
  readonly content?: Buffer | string;
  readonly link?: string;
}

function field(text: string, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.write(text, 'latin1');
  return bytes;
}

/** A tar archive in the format of POSIX 1988 with GNU's `./` in front of names, as dpkg writes it. */
export function makeTar(files: readonly MadeFile[]): Buffer {
  const blocks: Buffer[] = [];
  for (const { path, content = '', link } of files) {
    const bytes = Buffer.from(content);
    const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;
    const header = Buffer.concat([
      field(`./${path}`, 100),
      field(octal(0o644, 7), 8),
      field(octal(0, 7), 8),
      field(octal(0, 7), 8),
      field(octal(link === undefined ? bytes.length : 0, 11), 12),
      field(octal(0, 11), 12),
      field(' '.repeat(8), 8),
      field(link === undefined ? '0' : '2', 1),
      field(link ?? '', 100),
      field('ustar\u000000', 8),
      Buffer.alloc(247),
    ]);
    const sum = header.reduce((all, byte) => all + byte, 0);
    field(`${sum.toString(8).padStart(6, '0')}\0 `, 8).copy(header, 148);
    blocks.push(header);
    if (link === undefined) blocks.push(bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512));
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

export function makeAr(members: readonly (readonly [string, Buffer])[]): Buffer {
  const parts = members.flatMap(([name, bytes]) => [
    Buffer.from(
      `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(bytes.length).padEnd(10)}\`\n`,
    ),
    bytes,
    Buffer.alloc(bytes.length % 2, '\n'),
  ]);
  return Buffer.concat([Buffer.from('!<arch>\n'), ...parts]);
}

/** A Debian package with gzip inside. */
export function makeDeb(name: string, version: string, files: readonly MadeFile[]): Buffer {
  const control = `Package: ${name}\nVersion: ${version}\nArchitecture: aarch64\n`;
  return makeAr([
    ['debian-binary', Buffer.from('2.0\n')],
    ['control.tar.gz', gzipSync(makeTar([{ path: 'control', content: control }]))],
    ['data.tar.gz', gzipSync(makeTar(files))],
  ]);
}

/** A zip archive with one deflated and no other file. */
export function makeZip(path: string, content: Buffer): Buffer {
  const packed = deflateRawSync(content);
  const name = Buffer.from(path);
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(8, 8);
  local.writeUInt16LE(name.length, 26);
  // An extra field in the local header only, as real archives have.
  local.writeUInt16LE(4, 28);
  const entry = Buffer.alloc(46);
  entry.writeUInt32LE(0x02014b50, 0);
  entry.writeUInt16LE(8, 10);
  entry.writeUInt32LE(packed.length, 20);
  entry.writeUInt32LE(content.length, 24);
  entry.writeUInt16LE(name.length, 28);
  const body = Buffer.concat([local, name, Buffer.alloc(4), packed]);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(entry.length + name.length, 12);
  end.writeUInt32LE(body.length, 16);
  return Buffer.concat([body, entry, name, end]);
}

export interface MadeElf {
  readonly needed?: readonly string[];
  readonly interpreter?: string;
  readonly machine?: number;
  readonly alignmentBytes?: number;
}

/** The headers of a 64-bit ELF file; nothing in it runs. */
export function makeElf({
  needed = [],
  interpreter,
  machine = 183,
  alignmentBytes = 65_536,
}: MadeElf): Buffer {
  const strings = Buffer.from(`\0${needed.map((name) => `${name}\0`).join('')}`);
  const loader = Buffer.from(interpreter === undefined ? '' : `${interpreter}\0`);
  const headerBytes = 64 + 3 * 56;
  const stringsAt = headerBytes + loader.length;
  const dynamicAt = stringsAt + strings.length;
  // The file is mapped somewhere else than at its own offsets: addresses have to be translated.
  const base = 0x10000;
  const dynamic = Buffer.alloc((needed.length + 2) * 16);
  let nameAt = 1;
  needed.forEach((name, i) => {
    dynamic.writeBigUInt64LE(1n, i * 16);
    dynamic.writeBigUInt64LE(BigInt(nameAt), i * 16 + 8);
    nameAt += name.length + 1;
  });
  dynamic.writeBigUInt64LE(5n, needed.length * 16);
  dynamic.writeBigUInt64LE(BigInt(base + stringsAt), needed.length * 16 + 8);
  const header = Buffer.alloc(headerBytes);
  header.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  header.writeUInt16LE(machine, 18);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(3, 56);
  const totalBytes = dynamicAt + dynamic.length;
  const segments = [
    { type: 1, offset: 0, bytes: totalBytes, align: alignmentBytes },
    { type: 2, offset: dynamicAt, bytes: dynamic.length, align: 8 },
    { type: interpreter === undefined ? 0 : 3, offset: headerBytes, bytes: loader.length, align: 1 },
  ];
  segments.forEach(({ type, offset, bytes, align }, i) => {
    const at = 64 + i * 56;
    header.writeUInt32LE(type, at);
    header.writeBigUInt64LE(BigInt(offset), at + 8);
    header.writeBigUInt64LE(BigInt(base + offset), at + 16);
    header.writeBigUInt64LE(BigInt(bytes), at + 32);
    header.writeBigUInt64LE(BigInt(align), at + 48);
  });
  return Buffer.concat([header, loader, strings, dynamic]);
}

export function sha256Of(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
