import { readSync } from 'node:fs';

/** Thrown by {@link ByteWindow} when a read would pass the end of the file. */
export class EndOfFileError extends Error {}

const BLOCK_BYTES = 1 << 20;

/** Little-endian reader over an open file, a block at a time; never reads past `sizeBytes`. */
export class ByteWindow {
  readonly #fd: number;
  readonly #sizeBytes: number;
  #block: Buffer = Buffer.alloc(0);
  #blockStart = 0;
  #position = 0;

  constructor(fd: number, sizeBytes: number) {
    this.#fd = fd;
    this.#sizeBytes = sizeBytes;
  }

  get position(): number {
    return this.#position;
  }

  get remainingBytes(): number {
    return this.#sizeBytes - this.#position;
  }

  /** The next bytes, valid until the following call. */
  take(bytes: number): Buffer {
    if (bytes > this.remainingBytes) throw new EndOfFileError();
    const offset = this.#position - this.#blockStart;
    if (offset + bytes > this.#block.length) {
      const length = Math.min(Math.max(BLOCK_BYTES, bytes), this.remainingBytes);
      this.#block = readExactly(this.#fd, this.#position, length);
      this.#blockStart = this.#position;
    }
    const start = this.#position - this.#blockStart;
    this.#position += bytes;
    return this.#block.subarray(start, start + bytes);
  }

  u32(): number {
    return this.take(4).readUInt32LE();
  }

  /** A 64-bit count; beyond 2^53 no file can hold what it counts, so it reads as end of file. */
  u64(): number {
    const value = this.take(8).readBigUInt64LE();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new EndOfFileError();
    return Number(value);
  }
}

/** Reads `length` bytes at `offset` into a fresh buffer; throws {@link EndOfFileError} when there are fewer. */
export function readExactly(fd: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(length);
  for (let done = 0; done < length;) {
    const read = readSync(fd, bytes, done, length - done, offset + done);
    if (read === 0) throw new EndOfFileError();
    done += read;
  }
  return bytes;
}
