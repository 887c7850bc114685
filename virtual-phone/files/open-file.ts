import { randomFillSync } from 'node:crypto';
import { close, closeSync, fstatSync, read, writev } from 'node:fs';
import { promisify } from 'node:util';
import { PhoneFileError, toPhoneFileError } from './errno.ts';
import type { StorageMeter } from './storage-meter.ts';

const readAsync = promisify(read);
const writevAsync = promisify(writev);
const closeAsync = promisify(close);

/** A phone file open for reading. */
export interface PhoneReader {
  /** Undefined for devices without an end. */
  readonly sizeBytes: number | undefined;
  /** Host descriptor, for a process that reads it itself. */
  readonly fd: number | undefined;
  /** Fills `into` from the current position; the number of bytes read, 0 at the end. */
  read(into: Buffer): Promise<number>;
  close(): Promise<void>;
}

export function hostReader(fd: number, path: string): PhoneReader {
  return {
    sizeBytes: fstatSync(fd).size,
    fd,
    read: async (into) => {
      try {
        return (await readAsync(fd, into, 0, into.length, null)).bytesRead;
      } catch (error) {
        throw toPhoneFileError(error, path);
      }
    },
    close: () => closeAsync(fd),
  };
}

export function memoryReader(content: Buffer): PhoneReader {
  let position = 0;
  return {
    sizeBytes: content.length,
    fd: undefined,
    read: (into) => {
      const copied = content.copy(into, 0, position);
      position += copied;
      return Promise.resolve(copied);
    },
    close: () => Promise.resolve(),
  };
}

export function deviceReader(device: 'null' | 'zero' | 'random'): PhoneReader {
  return {
    sizeBytes: device === 'null' ? 0 : undefined,
    fd: undefined,
    read: (into) => {
      if (device === 'null') return Promise.resolve(0);
      if (device === 'zero') into.fill(0);
      else randomFillSync(into);
      return Promise.resolve(into.length);
    },
    close: () => Promise.resolve(),
  };
}

/** A phone file open for writing; growth is booked with the storage meter first. */
export class PhoneWriter {
  readonly path: string;
  readonly fd: number;
  readonly #meter: StorageMeter;
  #sizeBytes: number;
  #position: number;
  /** Without a seek the descriptor's own offset is used: a process may share it. */
  #seeked = false;
  #closed = false;

  constructor(path: string, fd: number, meter: StorageMeter, append: boolean) {
    this.path = path;
    this.fd = fd;
    this.#meter = meter;
    this.#sizeBytes = fstatSync(fd).size;
    this.#position = append ? this.#sizeBytes : 0;
  }

  seek(position: number): void {
    this.#seeked = true;
    this.#position = position;
  }

  /** @throws PhoneFileError ENOSPC when the phone's storage is full; nothing is written then. */
  async write(...chunks: readonly Uint8Array[]): Promise<void> {
    const total = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const growth = Math.max(0, this.#position + total - this.#sizeBytes);
    if (!this.#meter.reserve(growth)) throw new PhoneFileError('ENOSPC', this.path);
    const at = this.#seeked ? this.#position : undefined;
    this.#position += total;
    this.#sizeBytes += growth;
    try {
      let rest = chunks.filter((chunk) => chunk.length > 0);
      let offset = 0;
      while (rest.length > 0) {
        const { bytesWritten } = await writevAsync(
          this.fd,
          [...rest],
          at === undefined ? undefined : at + offset,
        );
        offset += bytesWritten;
        rest = dropBytes(rest, bytesWritten);
      }
    } catch (error) {
      throw toPhoneFileError(error, this.path);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await closeAsync(this.fd);
  }

  closeNow(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.fd);
  }
}

function dropBytes(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let left = bytes;
  const rest: Uint8Array[] = [];
  for (const chunk of chunks) {
    if (left >= chunk.length) left -= chunk.length;
    else {
      rest.push(left === 0 ? chunk : chunk.subarray(left));
      left = 0;
    }
  }
  return rest;
}
