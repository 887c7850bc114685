import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { PhoneDevice } from '../device.ts';
import { AdbdStream, type StreamCarrier } from './adbd-stream.ts';
import { AUTH, TOKEN_BYTES, type TrustedHosts } from './auth.ts';
import {
  BadPacketError,
  COMMAND,
  MAX_PAYLOAD_BYTES,
  packetHeader,
  PacketReader,
  VERSION_SKIP_CHECKSUM,
  type Packet,
} from './packet.ts';
import { ReverseTable } from './reverse.ts';
import { FEATURES, openService } from './services.ts';
import { StreamReader } from './stream-io.ts';

const READ_BYTES = 1024 * 1024;

/** One host connected to the phone's adbd: authentication, then any number of streams. */
export class AdbdConnection implements StreamCarrier {
  maxPayloadBytes = 4096;
  readonly #device: PhoneDevice;
  readonly #hosts: TrustedHosts;
  readonly #link: Duplex;
  readonly #streams = new Map<number, AdbdStream>();
  readonly #reverse: ReverseTable;
  #token = randomBytes(TOKEN_BYTES);
  #isTrusted = false;
  #usesChecksums = true;
  #nextLocalId = 1;

  constructor(device: PhoneDevice, hosts: TrustedHosts, link: Duplex) {
    this.#device = device;
    this.#hosts = hosts;
    this.#link = link;
    this.#reverse = new ReverseTable((spec) => this.#openOnHost(spec), 'host');
    link.on('error', () => undefined);
    link.once('close', () => this.#dropAll());
  }

  /** Reads packets until the host goes; what is no packet ends this connection and nothing else. */
  async serve(): Promise<void> {
    const packets = new PacketReader();
    const reader = new StreamReader(this.#link);
    try {
      for (
        let chunk = await reader.readSome(READ_BYTES);
        chunk !== undefined;
        chunk = await reader.readSome(READ_BYTES)
      )
        for (const packet of packets.feed(chunk)) this.#receive(packet);
    } catch (error) {
      if (!(error instanceof BadPacketError)) throw error;
      this.#device.log.add('W', 'adbd', `dropped a host: ${error.message}`);
    }
    this.#link.destroy();
  }

  close(): void {
    this.#link.destroy();
  }

  readonly send = (
    command: number,
    arg0: number,
    arg1: number,
    payload: Uint8Array = new Uint8Array(0),
  ): void => {
    if (this.#link.destroyed) return;
    const header = packetHeader(command, arg0, arg1, payload, this.#usesChecksums);
    this.#link.cork();
    this.#link.write(header);
    if (payload.length > 0) this.#link.write(payload);
    this.#link.uncork();
  };

  readonly forget = (localId: number): void => {
    this.#streams.delete(localId);
  };

  #receive(packet: Packet): void {
    if (packet.command === COMMAND.CNXN) return this.#greet(packet);
    if (packet.command === COMMAND.AUTH) return this.#authenticate(packet);
    if (!this.#isTrusted) return;
    if (packet.command === COMMAND.OPEN) {
      void this.#open(packet);
      return;
    }
    const stream = this.#streams.get(packet.arg1);
    if (stream !== undefined) stream.receive(packet);
    // A host that writes to a stream which is closed already hears so; commands unknown here are ignored.
    else if (packet.command === COMMAND.WRTE) this.send(COMMAND.CLSE, 0, packet.arg0);
  }

  #greet(packet: Packet): void {
    this.#dropAll();
    this.#usesChecksums = packet.arg0 < VERSION_SKIP_CHECKSUM;
    this.maxPayloadBytes = Math.max(4096, Math.min(MAX_PAYLOAD_BYTES, packet.arg1));
    if (this.#isTrusted) this.#welcome();
    else this.#challenge();
  }

  #challenge(): void {
    this.#token = randomBytes(TOKEN_BYTES);
    this.send(COMMAND.AUTH, AUTH.TOKEN, 0, this.#token);
  }

  #authenticate(packet: Packet): void {
    if (this.#isTrusted) return;
    if (packet.arg0 === AUTH.SIGNATURE && this.#hosts.knows(this.#token, packet.payload)) {
      this.#device.log.add('I', 'adbd', 'host authenticated by signature');
      this.#welcome();
    } else if (packet.arg0 === AUTH.RSAPUBLICKEY && this.#hosts.trust(packet.payload.toString('latin1'))) {
      this.#device.log.add('I', 'adbd', 'host key accepted and remembered');
      this.#welcome();
    } else this.#challenge();
  }

  #welcome(): void {
    this.#isTrusted = true;
    const { properties } = this.#device;
    const named = ['ro.product.name', 'ro.product.model', 'ro.product.device'].map(
      (name) => `${name}=${properties.get(name) ?? ''};`,
    );
    const banner = `device::${named.join('')}features=${FEATURES.join(',')}`;
    this.send(COMMAND.CNXN, VERSION_SKIP_CHECKSUM, MAX_PAYLOAD_BYTES, Buffer.from(banner));
  }

  async #open(packet: Packet): Promise<void> {
    const remoteId = packet.arg0;
    const name = packet.payload.toString('utf8').replace(/\0.*$/s, '');
    const service = await openService(name, this.#device, this.#reverse);
    if ('refusal' in service) {
      this.#device.log.add('W', 'adbd', service.refusal);
      this.send(COMMAND.CLSE, 0, remoteId);
      return;
    }
    const stream = this.#addStream(remoteId);
    this.send(COMMAND.OKAY, stream.localId, remoteId);
    service.serve(stream);
  }

  #addStream(remoteId: number): AdbdStream {
    const stream = new AdbdStream(this.#nextLocalId, remoteId, this);
    this.#nextLocalId += 1;
    this.#streams.set(stream.localId, stream);
    return stream;
  }

  /** Opens a stream to a socket of the host (reverse). */
  async #openOnHost(spec: string): Promise<Duplex | undefined> {
    const stream = this.#addStream(0);
    const accepted = stream.acceptance();
    this.send(COMMAND.OPEN, stream.localId, 0, Buffer.from(`${spec}\0`));
    return (await accepted) ? stream : undefined;
  }

  #dropAll(): void {
    for (const stream of [...this.#streams.values()]) stream.abandon();
    this.#streams.clear();
    this.#reverse.close();
  }
}
