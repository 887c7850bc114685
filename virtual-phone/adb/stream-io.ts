import type { Duplex } from 'node:stream';

const PAUSE_AT_BYTES = 1024 * 1024;

/** The other end closed the stream before everything was read. */
export class StreamEndedError extends Error {}

/** Pulls bytes from a stream without joining its chunks; the stream is paused while nobody reads. */
export class StreamReader {
  readonly #stream: Duplex;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #ended = false;
  #wake: (() => void) | undefined;
  readonly #onData = (chunk: Buffer): void => {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > PAUSE_AT_BYTES) this.#stream.pause();
    this.#notify();
  };
  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#notify();
  };

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on('data', this.#onData);
    stream.on('end', this.#onEnd);
    stream.on('close', this.#onEnd);
    stream.on('error', this.#onEnd);
    stream.resume();
  }

  /** Up to `maxBytes` of what has come; undefined at the end. */
  async readSome(maxBytes: number): Promise<Buffer | undefined> {
    while (this.#bytes === 0) {
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const [first] = this.#chunks;
    if (first === undefined) return undefined;
    if (first.length <= maxBytes) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(maxBytes);
    const part = first.length <= maxBytes ? first : first.subarray(0, maxBytes);
    this.#bytes -= part.length;
    if (this.#bytes < PAUSE_AT_BYTES / 2 && this.#stream.isPaused()) this.#stream.resume();
    return part;
  }

  /** Exactly `length` bytes. @throws StreamEndedError. */
  async readExactly(length: number): Promise<Buffer> {
    const first = length === 0 ? Buffer.alloc(0) : await this.readSome(length);
    if (first?.length === length) return first;
    const whole = Buffer.allocUnsafe(length);
    let at = 0;
    for (let part = first; at < length; part = await this.readSome(length - at)) {
      if (part === undefined) throw new StreamEndedError();
      whole.set(part, at);
      at += part.length;
      if (at === length) break;
    }
    return whole;
  }

  /** Gives the stream back, paused, with what was read too far. */
  release(): Duplex {
    this.#stream.pause();
    this.#stream.off('data', this.#onData);
    this.#stream.off('end', this.#onEnd);
    this.#stream.off('close', this.#onEnd);
    this.#stream.off('error', this.#onEnd);
    for (const chunk of this.#chunks.reverse()) this.#stream.unshift(chunk);
    this.#chunks = [];
    this.#bytes = 0;
    return this.#stream;
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

/** Writes a chunk and waits until the stream wants more. @throws StreamEndedError once it is closed. */
export function writeChunk(stream: Duplex, chunk: Uint8Array): Promise<void> {
  if (stream.destroyed || stream.writableEnded) return Promise.reject(new StreamEndedError());
  if (stream.write(chunk)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const finish = (error?: Error): void => {
      stream.off('drain', onDrain);
      stream.off('close', onClose);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onDrain = (): void => finish();
    const onClose = (): void => finish(new StreamEndedError());
    stream.once('drain', onDrain);
    stream.once('close', onClose);
  });
}

/** Joins two connections until one ends; what is under way is still delivered. */
export function joinStreams(a: Duplex, b: Duplex): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.on('error', () => to.destroy());
    from.on('close', () => {
      if (!to.writableEnded) to.end();
    });
    from.pipe(to);
  }
}
