/**
 * Packets of adb's `shell,v2` service: one byte id, length (u32 little endian), payload
 * (AOSP packages/modules/adb/shell_protocol.h).
 */
export const SHELL_STDIN = 0;
export const SHELL_STDOUT = 1;
export const SHELL_STDERR = 2;
export const SHELL_EXIT = 3;
export const SHELL_CLOSE_STDIN = 4;

export const SHELL_HEADER_BYTES = 5;
/** No honest packet is longer; a stream that claims more is out of step. */
const MAX_PACKET_BYTES = 64 * 1024 * 1024;

export function writeShellPacketHeader(into: Buffer, id: number, lengthBytes: number): void {
  into.writeUInt8(id, 0);
  into.writeUInt32LE(lengthBytes, 1);
}

export function shellPacketHeader(id: number, lengthBytes: number): Buffer {
  const header = Buffer.allocUnsafe(SHELL_HEADER_BYTES);
  writeShellPacketHeader(header, id, lengthBytes);
  return header;
}

export interface ShellPacket {
  readonly id: number;
  readonly payload: Buffer;
}

/** Cuts a byte stream into packets, whatever the chunks. */
export class ShellPacketReader {
  #pending: Buffer = Buffer.alloc(0);

  /** @throws when the stream is not of the protocol. */
  push(chunk: Buffer): ShellPacket[] {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const packets: ShellPacket[] = [];
    for (;;) {
      if (this.#pending.length < SHELL_HEADER_BYTES) return packets;
      const length = this.#pending.readUInt32LE(1);
      if (length > MAX_PACKET_BYTES)
        throw new Error(`shell protocol out of step: a packet of ${length} bytes`);
      if (this.#pending.length < SHELL_HEADER_BYTES + length) return packets;
      packets.push({
        id: this.#pending.readUInt8(0),
        payload: this.#pending.subarray(SHELL_HEADER_BYTES, SHELL_HEADER_BYTES + length),
      });
      this.#pending = this.#pending.subarray(SHELL_HEADER_BYTES + length);
    }
  }
}

/** One word for the phone's `sh`, whatever it holds. */
export function shellQuote(word: string): string {
  return /^[\w./:=@%+-]+$/.test(word) ? word : `'${word.replace(/'/g, `'\\''`)}'`;
}
