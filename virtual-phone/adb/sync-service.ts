import type { Duplex } from 'node:stream';
import type { PhoneDevice } from '../device.ts';
import { PhoneFileError } from '../files/errno.ts';
import { receiveFile } from './sync-receive.ts';
import {
  directoryEntry,
  listEnd,
  statV1,
  statV2,
  SYNC_DATA_MAX_BYTES,
  syncFail,
  syncHead,
} from './sync-records.ts';
import { StreamEndedError, StreamReader, writeChunk } from './stream-io.ts';

/** Linux's PATH_MAX is 4096; adbd takes no longer names either. */
const MAX_PATH_BYTES = 4096;
/** Blocks sent in one write while a file is pulled. */
const BLOCKS_PER_WRITE = 8;

/** Serves `sync:`: requests one after the other until QUIT or the stream's end. */
export async function serveSync(device: PhoneDevice, stream: Duplex): Promise<void> {
  stream.on('error', () => undefined);
  const reader = new StreamReader(stream);
  try {
    for (;;) {
      const head = await reader.readExactly(8);
      const id = head.toString('latin1', 0, 4);
      const length = head.readUInt32LE(4);
      if (id === 'QUIT') break;
      if (length > MAX_PATH_BYTES) {
        await writeChunk(stream, syncFail('path too long'));
        break;
      }
      const path = (await reader.readExactly(length)).toString('utf8');
      if (!(await serveRequest(device, stream, reader, id, path))) break;
    }
  } catch (error) {
    if (!(error instanceof StreamEndedError)) throw error;
  }
  if (!stream.destroyed) stream.end();
}

/** @returns false when the connection cannot go on. */
async function serveRequest(
  device: PhoneDevice,
  stream: Duplex,
  reader: StreamReader,
  id: string,
  path: string,
): Promise<boolean> {
  const { files } = device;
  switch (id) {
    case 'STAT':
      await writeChunk(stream, statV1(files.statIfAny(path, false)));
      return true;
    case 'LST2':
    case 'STA2':
      await writeChunk(stream, statV2(id, files, path, id === 'STA2'));
      return true;
    case 'LIST':
    case 'LIS2':
      await sendList(device, stream, path, id === 'LIS2');
      return true;
    case 'RECV':
      await sendFile(device, stream, path);
      return true;
    case 'SEND':
      return receiveFile(device, stream, reader, path);
    default:
      await writeChunk(stream, syncFail(`unknown command ${id}`));
      return false;
  }
}

async function sendList(device: PhoneDevice, stream: Duplex, path: string, isV2: boolean): Promise<void> {
  const { files } = device;
  let names: string[] = [];
  try {
    names = ['.', '..', ...files.readdir(path)];
  } catch (error) {
    if (!(error instanceof PhoneFileError)) throw error; // adbd lists a folder that it cannot open as empty.
  }
  for (const name of names) {
    const stat = files.statIfAny(`${path}/${name}`, false);
    if (stat !== undefined) await writeChunk(stream, directoryEntry(isV2, name, stat));
  }
  await writeChunk(stream, listEnd(isV2));
}

async function sendFile(device: PhoneDevice, stream: Duplex, path: string): Promise<void> {
  let reader;
  try {
    reader = device.files.openRead(path);
  } catch (error) {
    if (!(error instanceof PhoneFileError)) throw error;
    await writeChunk(stream, syncFail(`open failed: ${error.text}`));
    return;
  }
  try {
    for (let isAtEnd = false; !isAtEnd;) {
      const buffer = Buffer.allocUnsafeSlow(BLOCKS_PER_WRITE * (SYNC_DATA_MAX_BYTES + 8));
      let at = 0;
      for (let block = 0; block < BLOCKS_PER_WRITE && !isAtEnd; block += 1) {
        const length = await reader.read(buffer.subarray(at + 8, at + 8 + SYNC_DATA_MAX_BYTES));
        isAtEnd = length === 0;
        if (isAtEnd) break;
        buffer.write('DATA', at, 'latin1');
        buffer.writeUInt32LE(length, at + 4);
        at += 8 + length;
      }
      if (at > 0) await writeChunk(stream, buffer.subarray(0, at));
    }
    await writeChunk(stream, syncHead('DONE', 0));
  } finally {
    await reader.close();
  }
}
