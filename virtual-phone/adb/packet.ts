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

export class Packet {
  readonly command: number;
  readonly arg0: number;
  readonly arg1: number;
  /** The payload in pieces, as they came from the socket. */
  readonly parts: readonly Buffer[];

  constructor(command: number, arg0: number, arg1: number, parts: readonly Buffer[]) {
    this.command = command;
    this.arg0 = arg0;
    this.arg1 = arg1;
    this.parts = parts;
  }

  /** The payload in one piece: a copy, unless it came as one. */
  get payload(): Buffer {
    const [first] = this.parts;
    return this.parts.length === 1 && first !== undefined ? first : Buffer.concat(this.parts);
  }
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

/** Cuts a byte stream into packets; payload bytes stay where they are, in the chunks that are fed. */
export class PacketReader {
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  #parts: Buffer[] = [];
  /** Bytes that the payload lacks; undefined while the header is incomplete. */
  #missingBytes: number | undefined;

  /** @returns the packets that `chunk` completes; they refer to it. @throws BadPacketError. */
  feed(chunk: Buffer): Packet[] {
    const packets: Packet[] = [];
    let at = 0;
    while (at < chunk.length || this.#missingBytes === 0) {
      if (this.#missingBytes === undefined) {
        const part = chunk.subarray(at, at + HEADER_BYTES - this.#headerBytes);
        this.#header.set(part, this.#headerBytes);
        this.#headerBytes += part.length;
        at += part.length;
        if (this.#headerBytes < HEADER_BYTES) break;
        this.#missingBytes = this.#payloadLength();
      }
      const part = chunk.subarray(at, at + this.#missingBytes);
      if (part.length > 0) this.#parts.push(part);
      this.#missingBytes -= part.length;
      at += part.length;
      if (this.#missingBytes > 0) break;
      const header = this.#header;
      packets.push(
        new Packet(header.readUInt32LE(0), header.readUInt32LE(4), header.readUInt32LE(8), this.#parts),
      );
      this.#parts = [];
      this.#missingBytes = undefined;
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
