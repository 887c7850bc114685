import { Duplex } from 'node:stream';
import { COMMAND, type Packet } from './packet.ts';
import { StreamEndedError } from './stream-io.ts';

/** What a stream needs of its connection. */
export interface StreamCarrier {
  readonly maxPayloadBytes: number;
  readonly send: (command: number, arg0: number, arg1: number, payload?: Uint8Array) => void;
  readonly forget: (localId: number) => void;
}

const BUFFER_BYTES = 1024 * 1024;

/**
 * One stream of an adb transport. One WRTE is under way at a time: the next one goes after OKAY, and a received WRTE
 * is acknowledged once its bytes are consumed, which is the protocol's back-pressure.
 */
export class AdbdStream extends Duplex {
  readonly localId: number;
  #remoteId: number;
  readonly #carrier: StreamCarrier;
  #acknowledged: (() => void) | undefined;
  #owesOkay = false;
  #isClosed = false;
  /** Resolves when the host accepts a stream that the phone opened; false when it does not. */
  #accepted: ((isAccepted: boolean) => void) | undefined;

  constructor(localId: number, remoteId: number, carrier: StreamCarrier) {
    super({ readableHighWaterMark: BUFFER_BYTES, writableHighWaterMark: BUFFER_BYTES, allowHalfOpen: true });
    this.localId = localId;
    this.#remoteId = remoteId;
    this.#carrier = carrier;
    this.on('error', () => undefined);
  }

  /** Waits for the host's answer to OPEN. */
  acceptance(): Promise<boolean> {
    return new Promise((resolve) => {
      this.#accepted = resolve;
    });
  }

  /** Takes OKAY, WRTE and CLSE that name this stream. */
  receive(packet: Packet): void {
    if (packet.command === COMMAND.OKAY) {
      this.#remoteId = packet.arg0;
      this.#accepted?.(true);
      this.#accepted = undefined;
      const next = this.#acknowledged;
      this.#acknowledged = undefined;
      next?.();
    } else if (packet.command === COMMAND.WRTE) {
      let takesMore = true;
      for (const part of packet.parts) takesMore = this.push(part);
      if (takesMore) this.#carrier.send(COMMAND.OKAY, this.localId, this.#remoteId);
      else this.#owesOkay = true;
    } else if (packet.command === COMMAND.CLSE) {
      this.#close(false);
    }
  }

  /** Ends the stream without telling the host (its connection is gone). */
  abandon(): void {
    this.#close(false);
  }

  override _read(): void {
    if (!this.#owesOkay) return;
    this.#owesOkay = false;
    if (!this.#isClosed) this.#carrier.send(COMMAND.OKAY, this.localId, this.#remoteId);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error) => void): void {
    this.#writeFrom(chunk, 0, callback);
  }

  override _writev(parts: { chunk: Buffer }[], callback: (error?: Error) => void): void {
    // Small pieces (shell output) travel in one packet; large ones would only be copied.
    const total = parts.reduce((sum, part) => sum + part.chunk.length, 0);
    if (total <= 65_536) this.#writeFrom(Buffer.concat(parts.map((part) => part.chunk)), 0, callback);
    else this.#writeEach(parts, 0, callback);
  }

  override _final(callback: (error?: Error) => void): void {
    this.#close(true);
    callback();
    // adb knows no half-closed streams: what the host still sends has no reader.
    setImmediate(() => this.destroy());
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#close(true);
    callback(error);
  }

  #writeEach(parts: { chunk: Buffer }[], index: number, callback: (error?: Error) => void): void {
    const part = parts[index];
    if (part === undefined) {
      callback();
      return;
    }
    this.#writeFrom(part.chunk, 0, (error) => {
      if (error === undefined) this.#writeEach(parts, index + 1, callback);
      else callback(error);
    });
  }

  #writeFrom(chunk: Buffer, at: number, callback: (error?: Error) => void): void {
    if (at >= chunk.length) {
      callback();
      return;
    }
    if (this.#isClosed) {
      callback(new StreamEndedError());
      return;
    }
    const end = Math.min(chunk.length, at + this.#carrier.maxPayloadBytes);
    this.#acknowledged = () => this.#writeFrom(chunk, end, callback);
    this.#carrier.send(COMMAND.WRTE, this.localId, this.#remoteId, chunk.subarray(at, end));
  }

  #close(tellsHost: boolean): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#accepted?.(false);
    if (tellsHost) this.#carrier.send(COMMAND.CLSE, this.localId, this.#remoteId);
    this.#carrier.forget(this.localId);
    const next = this.#acknowledged;
    this.#acknowledged = undefined;
    next?.();
    this.push(null);
    if (!tellsHost) {
      // What was received is still read; writing has no goal any more.
      if (this.readableLength === 0) this.destroy();
      else this.once('end', () => this.destroy());
    }
  }
}
