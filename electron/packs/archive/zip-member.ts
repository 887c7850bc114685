import { inflateRawSync } from 'node:zlib';
import { fail, ok, type Result } from '../../../core/result.ts';

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const STORED = 0;
const DEFLATED = 8;

/**
 * The content of one file in a zip archive (an Android AAR is one). Failures: `archive-unreadable`,
 * `archive-member-missing`.
 */
export function readZipMember(zip: Buffer, member: string, what: string): Result<Buffer> {
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  if (end < 0 || zip.readUInt32LE(end) !== END_OF_DIRECTORY)
    return fail('archive-unreadable', `${what} is not a zip archive.`);
  try {
    let at = zip.readUInt32LE(end + 16);
    while (at < end && zip.readUInt32LE(at) === DIRECTORY_ENTRY) {
      const nameBytes = zip.readUInt16LE(at + 28);
      const name = zip.toString('utf8', at + 46, at + 46 + nameBytes);
      if (name === member) return contentOf(zip, at, what);
      at += 46 + nameBytes + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
    }
  } catch (error) {
    return fail('archive-unreadable', `${what} is damaged: ${String(error)}.`);
  }
  return fail('archive-member-missing', `${what} holds no ${member}.`);
}

/** @throws on damaged input. */
function contentOf(zip: Buffer, entry: number, what: string): Result<Buffer> {
  const method = zip.readUInt16LE(entry + 10);
  const packedBytes = zip.readUInt32LE(entry + 20);
  const local = zip.readUInt32LE(entry + 42);
  // The local header has its own name and extra field, of other lengths than the directory's.
  const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
  const packed = zip.subarray(start, start + packedBytes);
  if (method === STORED) return ok(packed);
  if (method === DEFLATED) return ok(inflateRawSync(packed));
  return fail('archive-unreadable', `${what} is compressed by a method that is not known (${method}).`);
}
