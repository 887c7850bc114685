import { createReadStream } from 'node:fs';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { FileSlice } from './file-feed.ts';
import type { PushOptions } from './phone-link.ts';
import { request, writeAll, type AdbConnection } from './smart-socket.ts';

/** Largest DATA chunk that adbd takes (AOSP file_sync_protocol.h, SYNC_DATA_MAX). */
const SYNC_DATA_MAX_BYTES = 64 * 1024;
const READ_BYTES = 1024 * 1024;
const S_IFREG = 0o100000;

function syncHeader(id: 'SEND' | 'DATA' | 'DONE', value: number): Buffer {
  const header = Buffer.allocUnsafe(8);
  header.write(id, 0, 'ascii');
  header.writeUInt32LE(value, 4);
  return header;
}

/**
 * The sync service's SEND v1. Own code and not adbkit's push: that one waits for ever when the phone goes
 * away between two chunks, and reports `end` for failures too.
 *
 * @throws the phone's words (`No space left on device`), before the whole source was read where it says so early.
 */
export async function syncSend(
  connection: AdbConnection,
  socket: Socket,
  source: FileSlice | Buffer,
  path: string,
  options: PushOptions,
): Promise<void> {
  await request(connection, 'sync:');
  const target = Buffer.from(`${path},${S_IFREG | (options.mode ?? 0o644)}`);
  await writeAll(socket, [syncHeader('SEND', target.length), target]);
  let answered = false;
  const answer = readAnswer(connection).finally(() => (answered = true));
  answer.catch(() => undefined);
  const stream = Buffer.isBuffer(source)
    ? Readable.from([source])
    : createReadStream(source.file, { start: source.start, highWaterMark: READ_BYTES });
  let bytes = 0;
  try {
    for await (const chunk of stream) {
      const buffer = chunk as Buffer;
      if (answered || socket.destroyed) break;
      await writeAll(socket, dataParts(buffer));
      bytes += buffer.length;
      options.onBytes?.(bytes);
    }
  } finally {
    stream.destroy();
  }
  if (!answered && !socket.destroyed)
    await writeAll(socket, [syncHeader('DONE', Math.floor(Date.now() / 1000))]);
  await answer;
}

function dataParts(buffer: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < buffer.length; at += SYNC_DATA_MAX_BYTES) {
    const part = buffer.subarray(at, at + SYNC_DATA_MAX_BYTES);
    parts.push(syncHeader('DATA', part.length), part);
  }
  return parts;
}

async function readAnswer(connection: AdbConnection): Promise<void> {
  const status = await connection.parser.readAscii(4);
  const length = (await connection.parser.readBytes(4)).readUInt32LE(0);
  if (status === 'OKAY') return;
  const words = length === 0 ? '' : (await connection.parser.readBytes(length)).toString('utf8');
  throw new Error(status === 'FAIL' ? words : `unexpected sync answer ${JSON.stringify(status)}`);
}
