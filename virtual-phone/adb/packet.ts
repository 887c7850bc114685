/** Packets of the adb transport: 24 bytes of header, little endian, then the payload (AOSP protocol.txt). */

export const COMMAND = {
  CNXN: 0x4e584e43,
  AUTH: 0x48545541,
  OPEN: 0x4e45504f,
  OKAY: 0x59414b4f,
  WRTE: 0x45545257,
  CLSE: 0x45534c43,
  STLS: 0x534c5453,
} as const;

/** From this version on payloads carry no checksum. */
export const VERSION_SKIP_CHECKSUM = 0x01000001;
/** Largest payload that the phone takes, bytes; as adbd's since Android 9. */
export const MAX_PAYLOAD_BYTES = 1024 * 1024;
const HEADER_BYTES = 24;

export interface Packet {
  readonly command: number;
  readonly arg0: number;
  readonly arg1: number;
  readonly payload: Buffer;
}

function checksum(payload: Uint8Array): number {
  let sum = 0;
  for (const byte of payload) sum += byte;
  return sum >>> 0;
}

/** Header of a packet; the payload is sent after it as it is, uncopied. */
export function packetHeader(
  command: number,
  arg0: number,
  arg1: number,
  payload: Uint8Array,
  sums: boolean,
): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt32LE(command, 0);
  header.writeUInt32LE(arg0 >>> 0, 4);
  header.writeUInt32LE(arg1 >>> 0, 8);
  header.writeUInt32LE(payload.length, 12);
  header.writeUInt32LE(sums ? checksum(payload) : 0, 16);
  header.writeUInt32LE((command ^ 0xffffffff) >>> 0, 20);
  return header;
}

/** What came is no adb packet; the connection cannot go on, as its packets have no other boundary. */
export class BadPacketError extends Error {}

/** Cuts a byte stream into packets; each payload byte is copied once. */
export class PacketReader {
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  #payload: Buffer | undefined;
  #payloadBytes = 0;

  /** @returns the packets that `chunk` completes. @throws BadPacketError. */
  feed(chunk: Uint8Array): Packet[] {
    const packets: Packet[] = [];
    let at = 0;
    while (
      at < chunk.length ||
      (this.#payload !== undefined && this.#payload.length === this.#payloadBytes)
    ) {
      if (this.#payload === undefined) {
        const part = chunk.subarray(at, at + HEADER_BYTES - this.#headerBytes);
        this.#header.set(part, this.#headerBytes);
        this.#headerBytes += part.length;
        at += part.length;
        if (this.#headerBytes < HEADER_BYTES) break;
        this.#payload = Buffer.allocUnsafeSlow(this.#payloadLength());
        this.#payloadBytes = 0;
      }
      const part = chunk.subarray(at, at + this.#payload.length - this.#payloadBytes);
      this.#payload.set(part, this.#payloadBytes);
      this.#payloadBytes += part.length;
      at += part.length;
      if (this.#payloadBytes < this.#payload.length) break;
      packets.push({
        command: this.#header.readUInt32LE(0),
        arg0: this.#header.readUInt32LE(4),
        arg1: this.#header.readUInt32LE(8),
        payload: this.#payload,
      });
      this.#payload = undefined;
      this.#headerBytes = 0;
    }
    return packets;
  }

  #payloadLength(): number {
    const command = this.#header.readUInt32LE(0);
    const length = this.#header.readUInt32LE(12);
    if ((command ^ this.#header.readUInt32LE(20)) >>> 0 !== 0xffffffff)
      throw new BadPacketError('wrong magic');
    if (length > MAX_PAYLOAD_BYTES) throw new BadPacketError(`payload of ${length} bytes`);
    return length;
  }
}
