import { PhoneFileError } from '../files/errno.ts';
import type { PhoneFileSystem } from '../files/file-system.ts';
import type { PhoneStat } from '../files/phone-stat.ts';

/** Records of adb's sync protocol (AOSP file_sync_protocol.h); all numbers little endian. */

export const SYNC_DATA_MAX_BYTES = 64 * 1024;
/** Bytes of a STA2/LST2 record, and of DNT2 without its name. */
const STAT2_BYTES = 72;
const DNT2_BYTES = 76;

/** An identifier and a number: the head of every request, and DATA, DONE, OKAY, FAIL. */
export function syncHead(id: string, value: number): Buffer {
  const head = Buffer.alloc(8);
  head.write(id, 'latin1');
  head.writeUInt32LE(value >>> 0, 4);
  return head;
}

export function syncFail(message: string): Buffer {
  const text = Buffer.from(message);
  return Buffer.concat([syncHead('FAIL', text.length), text]);
}

/** v1 STAT: mode, size, mtime in 32 bits each; all zero for a file that is not there. */
export function statV1(stat: PhoneStat | undefined): Buffer {
  const record = Buffer.alloc(16);
  record.write('STAT', 'latin1');
  writeV1(record, stat, 4);
  return record;
}

function writeV1(record: Buffer, stat: PhoneStat | undefined, at: number): void {
  record.writeUInt32LE(stat?.mode ?? 0, at);
  // Sizes from 4 GiB on do not fit: v1 keeps the low 32 bits.
  record.writeUInt32LE((stat?.sizeBytes ?? 0) % 2 ** 32, at + 4);
  record.writeUInt32LE(Math.floor((stat?.mtimeMs ?? 0) / 1000), at + 8);
}

/** STA2 (follows links) and LST2 (does not): with errno, 64-bit sizes and times. */
export function statV2(id: string, files: PhoneFileSystem, path: string, follow: boolean): Buffer {
  const record = Buffer.alloc(STAT2_BYTES);
  record.write(id, 'latin1');
  try {
    writeV2(record, follow ? files.stat(path) : files.lstat(path));
  } catch (error) {
    if (!(error instanceof PhoneFileError)) throw error;
    record.writeUInt32LE(error.number, 4);
  }
  return record;
}

function writeV2(record: Buffer, stat: PhoneStat): void {
  const seconds = BigInt(Math.floor(stat.mtimeMs / 1000));
  record.writeBigUInt64LE(1n, 8);
  record.writeBigUInt64LE(BigInt(stat.inode), 16);
  record.writeUInt32LE(stat.mode, 24);
  record.writeUInt32LE(stat.links, 28);
  record.writeUInt32LE(stat.owner.uid, 32);
  record.writeUInt32LE(stat.owner.gid, 36);
  record.writeBigUInt64LE(BigInt(stat.sizeBytes), 40);
  for (const at of [48, 56, 64]) record.writeBigInt64LE(seconds, at);
}

/** One entry of LIST (DENT) or LIS2 (DNT2). */
export function directoryEntry(isV2: boolean, name: string, stat: PhoneStat): Buffer {
  const text = Buffer.from(name);
  const record = Buffer.alloc(isV2 ? DNT2_BYTES : 20);
  record.write(isV2 ? 'DNT2' : 'DENT', 'latin1');
  if (isV2) writeV2(record, stat);
  else writeV1(record, stat, 4);
  record.writeUInt32LE(text.length, record.length - 4);
  return Buffer.concat([record, text]);
}

/** The end of a listing has the size of an entry, all zero. */
export function listEnd(isV2: boolean): Buffer {
  const record = Buffer.alloc(isV2 ? DNT2_BYTES : 20);
  record.write('DONE', 'latin1');
  return record;
}
