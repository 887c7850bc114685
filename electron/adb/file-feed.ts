import { open } from 'node:fs/promises';
import type { Socket } from 'node:net';

/** A local file from `start` to its end, as input of a command on the phone. */
export interface FileSlice {
  readonly file: string;
  readonly start: number;
}

const CHUNK_BYTES = 1024 * 1024;
/** One is read into while others are on their way. */
const BUFFERS = 4;

/**
 * Sends a file over a socket in frames of `header(length)` and content. Few buffers are used again and again:
 * fresh ones for each chunk cost more time than the sending (a page fault each 4 KiB).
 *
 * @param header fills the `headerBytes` in front of each chunk.
 * @throws the file system's error; ends early, without one, when the socket is closed.
 */
export async function feedFile(
  socket: Socket,
  { file, start }: FileSlice,
  headerBytes: number,
  header: (into: Buffer, length: number) => void,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const handle = await open(file, 'r');
  const free = Array.from({ length: BUFFERS }, () => Buffer.allocUnsafeSlow(headerBytes + CHUNK_BYTES));
  let wake: () => void = () => undefined;
  const onClose = (): void => wake();
  socket.on('close', onClose);
  try {
    let position = start;
    for (;;) {
      while (free.length === 0 && !socket.destroyed) await new Promise<void>((resolve) => (wake = resolve));
      const buffer = free.pop();
      if (buffer === undefined || socket.destroyed) return;
      const { bytesRead } = await handle.read(buffer, headerBytes, CHUNK_BYTES, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      header(buffer, bytesRead);
      const sent = position - start;
      socket.write(buffer.subarray(0, headerBytes + bytesRead), () => {
        free.push(buffer);
        onBytes(sent);
        wake();
      });
    }
  } finally {
    socket.removeListener('close', onClose);
    await handle.close();
  }
}
