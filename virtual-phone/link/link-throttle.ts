import { Duplex, type TransformCallback, Transform } from 'node:stream';
import { TokenBucket } from './token-bucket.ts';

export interface LinkOptions {
  /** Null: no limit. */
  readonly linkMbps: number | null;
  readonly linkLatencyMs: number;
}

/** Bytes that may be on their way at once while latency holds them. */
const IN_FLIGHT_BYTES = 8 * 1024 * 1024;
const CHUNK_BYTES = 16 * 1024;

/** The cable between phone and host: all connections of both doors share its bandwidth, each way by itself. */
export class Link {
  readonly #latencyMs: number;
  readonly #toPhone: TokenBucket | undefined;
  readonly #toHost: TokenBucket | undefined;

  constructor(options: LinkOptions) {
    this.#latencyMs = options.linkLatencyMs;
    this.#toPhone = options.linkMbps === null ? undefined : new TokenBucket(options.linkMbps);
    this.#toHost = options.linkMbps === null ? undefined : new TokenBucket(options.linkMbps);
  }

  /** The host's socket as the phone sees it through the cable; the same socket when nothing is limited. */
  through(socket: Duplex): Duplex {
    if (this.#latencyMs === 0 && this.#toPhone === undefined) return socket;
    const toPhone = new Delay(this.#toPhone, this.#latencyMs);
    const toHost = new Delay(this.#toHost, this.#latencyMs);
    socket.pipe(toPhone);
    toHost.pipe(socket);
    const duplex = Duplex.from({ readable: toPhone, writable: toHost });
    duplex.on('error', () => undefined);
    duplex.on('close', () => socket.destroy());
    socket.on('error', () => undefined);
    socket.on('close', () => {
      toPhone.end();
      duplex.destroy();
    });
    return duplex;
  }
}

class Delay extends Transform {
  readonly #bucket: TokenBucket | undefined;
  readonly #latencyMs: number;
  /** Chunks leave in the order in which they came, whichever timer fires first. */
  readonly #queue: Buffer[] = [];
  #inFlightBytes = 0;
  #resume: (() => void) | undefined;
  #finish: (() => void) | undefined;

  constructor(bucket: TokenBucket | undefined, latencyMs: number) {
    super({ readableHighWaterMark: CHUNK_BYTES, writableHighWaterMark: CHUNK_BYTES });
    this.#bucket = bucket;
    this.#latencyMs = latencyMs;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    const waitMs = this.#bucket?.take(chunk.length, Date.now()) ?? 0;
    this.#inFlightBytes += chunk.length;
    this.#queue.push(chunk);
    setTimeout(() => this.#deliver(), waitMs + this.#latencyMs);
    const next = (): void => {
      if (this.#inFlightBytes < IN_FLIGHT_BYTES) callback();
      else this.#resume = callback;
    };
    // Latency delays bytes without holding up those behind them; bandwidth holds them up.
    if (waitMs > 0) setTimeout(next, waitMs);
    else next();
  }

  override _flush(callback: TransformCallback): void {
    if (this.#inFlightBytes === 0) callback();
    else this.#finish = callback;
  }

  #deliver(): void {
    const chunk = this.#queue.shift();
    if (this.destroyed || chunk === undefined) return;
    this.push(chunk);
    this.#inFlightBytes -= chunk.length;
    this.#resume?.();
    this.#resume = undefined;
    if (this.#inFlightBytes === 0) {
      this.#finish?.();
      this.#finish = undefined;
    }
  }
}
