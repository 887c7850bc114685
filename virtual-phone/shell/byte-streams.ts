import type { PhoneReader, PhoneWriter } from '../files/open-file.ts';

/** Where a command writes. */
export interface ByteSink {
  /** @throws BrokenPipeError when nobody reads any more; PhoneFileError when a file cannot take it. */
  write(bytes: Uint8Array): Promise<void>;
  /** Host descriptor, for a real process that writes by itself. */
  readonly fd?: number | undefined;
}

/** Where a command reads from. */
export interface ByteSource {
  /** The next bytes, undefined at the end or once `signal` is aborted (nothing is lost then). */
  read(signal?: AbortSignal): Promise<Uint8Array | undefined>;
  /** As `read`, but all that is there: for what writes many pieces at once. Without it there is only `read`. */
  readMany?(signal?: AbortSignal): Promise<readonly Uint8Array[] | undefined>;
  /** Gives back bytes that were read too far; the next `read` returns them first. */
  unread(bytes: Uint8Array): void;
  readonly fd?: number | undefined;
}

/** The reader of a pipe is gone; a command that meets it ends with status 141 (SIGPIPE). */
export class BrokenPipeError extends Error {}

const READ_BYTES = 256 * 1024;
const PIPE_BYTES = 1024 * 1024;

export const NULL_SINK: ByteSink = { write: () => Promise.resolve() };

/** stdin of a background job: `/dev/null`. */
export const NO_INPUT: ByteSource = { read: () => Promise.resolve(undefined), unread: () => undefined };

export function textSource(text: string): ByteSource {
  const kept: Uint8Array[] = text === '' ? [] : [Buffer.from(text)];
  return { read: () => Promise.resolve(kept.shift()), unread: (bytes) => kept.unshift(bytes) };
}

export function fileSource(reader: PhoneReader): ByteSource {
  const kept: Uint8Array[] = [];
  return {
    fd: reader.fd,
    read: async () => {
      const first = kept.shift();
      if (first !== undefined) return first;
      const buffer = Buffer.allocUnsafe(READ_BYTES);
      const length = await reader.read(buffer);
      return length === 0 ? undefined : buffer.subarray(0, length);
    },
    unread: (bytes) => kept.unshift(bytes),
  };
}

export function fileSink(writer: PhoneWriter): ByteSink {
  return { fd: writer.fd, write: (bytes) => writer.write(bytes) };
}

/** Collects what is written, for `$(...)` and tests. */
export class TextSink implements ByteSink {
  readonly #chunks: Uint8Array[] = [];

  write(bytes: Uint8Array): Promise<void> {
    this.#chunks.push(bytes);
    return Promise.resolve();
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}

/** A bounded pipe between two commands, or from a connection to a command. */
export class Pipe implements ByteSink, ByteSource {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #broken = false;
  #waiters: (() => void)[] = [];

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#broken) throw new BrokenPipeError();
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
    this.#wake();
    while (this.#bytes > PIPE_BYTES && !this.#broken) await this.#changed();
    if (this.#broken) throw new BrokenPipeError();
  }

  async read(signal?: AbortSignal): Promise<Uint8Array | undefined> {
    if (!(await this.#hasBytes(signal))) return undefined;
    const chunk = this.#chunks.shift();
    this.#bytes -= chunk?.length ?? 0;
    this.#wake();
    return chunk;
  }

  async readMany(signal?: AbortSignal): Promise<readonly Uint8Array[] | undefined> {
    if (!(await this.#hasBytes(signal))) return undefined;
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#bytes = 0;
    this.#wake();
    return chunks;
  }

  unread(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks.unshift(bytes);
    this.#bytes += bytes.length;
    this.#wake();
  }

  /** The writer's end closes: the reader gets what is left and then the end. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** The reader's end closes: writers meet a broken pipe. */
  break(): void {
    this.#broken = true;
    this.#wake();
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter();
  }

  /** Waits for bytes; false at the end and once `signal` is aborted. */
  async #hasBytes(signal: AbortSignal | undefined): Promise<boolean> {
    while (this.#chunks.length === 0 && !this.#ended && signal?.aborted !== true) await this.#changed(signal);
    return this.#chunks.length > 0 && signal?.aborted !== true;
  }

  #changed(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        signal?.removeEventListener('abort', finish);
        resolve();
      };
      this.#waiters.push(finish);
      signal?.addEventListener('abort', finish, { once: true });
    });
  }
}

/** The pieces that are there, at least one; undefined at the end or once `signal` is aborted. */
export async function readPieces(
  source: ByteSource,
  signal: AbortSignal,
): Promise<readonly Uint8Array[] | undefined> {
  if (source.readMany !== undefined) return source.readMany(signal);
  const chunk = await source.read(signal);
  return chunk === undefined ? undefined : [chunk];
}

export async function readAll(source: ByteSource, signal?: AbortSignal): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for (let chunk = await source.read(signal); chunk !== undefined; chunk = await source.read(signal))
    chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Reads one line without its newline; undefined at the end. Bytes after it stay in the source. */
export async function readLine(source: ByteSource, signal?: AbortSignal): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = await source.read(signal);
    if (chunk === undefined) return chunks.length === 0 ? undefined : Buffer.concat(chunks).toString('utf8');
    const end = chunk.indexOf(0x0a);
    chunks.push(end < 0 ? chunk : chunk.subarray(0, end));
    if (end < 0) continue;
    if (end + 1 < chunk.length) source.unread(chunk.subarray(end + 1));
    return Buffer.concat(chunks).toString('utf8');
  }
}
