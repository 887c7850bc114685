import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { PhoneDevice } from '../device.ts';
import type { Link } from '../link/link-throttle.ts';
import { ForwardTable } from './forward-table.ts';
import { ReverseTable } from './reverse.ts';
import { connectPhonePort, FEATURES, openService } from './services.ts';
import { failure, hex4, okay, parseHostRequest, SERVER_VERSION, type HostRequest } from './smart-socket.ts';
import { StreamEndedError, StreamReader, writeChunk } from './stream-io.ts';

const TRANSPORT_ID = 1;
const FIRST_LIST_MS = 10;

/**
 * An adb server with the one virtual phone attached: adb clients work with it where no adb is installed. It speaks
 * the server's side of adb's client protocol and hands the sockets to the phone's services.
 */
export class EmbeddedAdbServer {
  readonly server: Server;
  readonly #device: PhoneDevice;
  readonly #link: Link;
  readonly #forwards: ForwardTable;
  readonly #reverse: ReverseTable;
  readonly #sockets = new Set<Socket>();
  readonly #deviceSockets = new Set<Duplex>();
  readonly #trackers = new Set<() => void>();
  #isPlugged = true;

  constructor(device: PhoneDevice, link: Link) {
    this.#device = device;
    this.#link = link;
    this.#forwards = new ForwardTable(
      {
        connectPhone: (spec) => connectPhonePort(Number(spec.slice('tcp:'.length))),
        through: (socket) => link.through(socket),
      },
      device.options.serial,
    );
    this.#reverse = new ReverseTable((spec) => this.#connectHost(spec), device.options.serial);
    this.server = createServer({ noDelay: true, allowHalfOpen: false }, (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => this.#sockets.delete(socket));
      void this.#serve(socket);
    });
  }

  setPlugged(isPlugged: boolean): void {
    if (this.#isPlugged === isPlugged) return;
    this.#isPlugged = isPlugged;
    if (!isPlugged) this.#dropDevice();
    for (const tracker of this.#trackers) tracker();
  }

  dropConnections(): void {
    this.#dropDevice();
    for (const socket of this.#sockets) socket.destroy();
  }

  #dropDevice(): void {
    for (const socket of this.#deviceSockets) socket.destroy();
    this.#forwards.dropConnections();
    this.#forwards.removeAll();
    this.#reverse.close();
  }

  async #serve(socket: Socket): Promise<void> {
    const reader = new StreamReader(socket);
    try {
      for (let isSelected = false; ; isSelected = true) {
        const length = Number.parseInt((await reader.readExactly(4)).toString('latin1'), 16);
        if (Number.isNaN(length))
          return void socket.end(failure('the length of a request is four hexadecimal digits'));
        const request = (await reader.readExactly(length)).toString('utf8');
        // Clients select the phone first for some requests to the server too (forward).
        const host = parseHostRequest(request);
        if (host === undefined && !isSelected)
          return void socket.end(failure(`device not selected for '${request}'`));
        if (host === undefined) return await this.#openOnPhone(request, reader.release());
        if ((await this.#host(host, socket)) === 'end') return;
      }
    } catch (error) {
      if (!(error instanceof StreamEndedError)) throw error;
      socket.destroy();
    }
  }

  /** Answers a request to the server. @returns `device` when the next request is for the phone. */
  async #host(request: HostRequest, socket: Socket): Promise<'device' | 'end'> {
    const { verb } = request;
    const finish = (text: string): 'end' => {
      socket.end(text);
      return 'end';
    };
    switch (verb) {
      case 'version':
        return finish(okay(SERVER_VERSION.toString(16).padStart(4, '0')));
      case 'kill':
        return finish(failure('the virtual phone ends with its own process, not by kill-server'));
      case 'devices':
      case 'devices-l':
        return finish(okay(this.#devices(verb === 'devices-l')));
      case 'track-devices':
      case 'track-devices-l':
        this.#track(socket, verb === 'track-devices-l');
        return 'end';
      case 'host-features':
        return finish(okay(FEATURES.join(',')));
      case 'list-forward':
        return finish(okay(this.#forwards.list()));
      default:
        break;
    }
    const [name = '', ...rest] = verb.split(':');
    const argument = rest.join(':');
    if (name === 'connect')
      return finish(okay(`failed to connect to ${argument}: this adb server has one virtual phone only`));
    if (name === 'disconnect')
      return finish(
        argument === '' ? okay('disconnected everything') : failure(`no such device '${argument}'`),
      );
    if (name.startsWith('wait-for-')) {
      socket.write(okay());
      this.#whenState(name.endsWith('-disconnect') ? false : true, socket);
      return 'end';
    }
    const selected = this.#selected(request, name, argument);
    if (selected !== undefined) return finish(failure(selected));
    switch (name) {
      case 'transport':
      case 'transport-any':
      case 'transport-usb':
      case 'transport-local':
      case 'transport-id':
        await writeChunk(socket, Buffer.from(okay()));
        return 'device';
      case 'tport': {
        const id = Buffer.alloc(8);
        id.writeBigUInt64LE(BigInt(TRANSPORT_ID));
        await writeChunk(socket, Buffer.concat([Buffer.from(okay()), id]));
        return 'device';
      }
      case 'features':
        return finish(okay(FEATURES.join(',')));
      case 'get-state':
        return finish(okay('device'));
      case 'get-serialno':
        return finish(okay(this.#device.options.serial));
      case 'get-devpath':
        return finish(okay('virtual:1'));
      case 'forward':
        return finish(await this.#forwards.add(argument));
      case 'killforward':
        return finish(this.#forwards.remove(argument));
      case 'killforward-all':
        return finish(this.#forwards.removeAll());
      default:
        return finish(failure(`unknown host service '${verb}'`));
    }
  }

  /** Why the request finds no device, in adb's own words; undefined when it finds the phone. */
  #selected(request: HostRequest, name: string, argument: string): string | undefined {
    const named =
      name === 'transport' ? argument : name === 'tport' ? /^serial:(.*)$/.exec(argument)?.[1] : undefined;
    const serial = named ?? request.serial;
    const id = request.transportId ?? (name === 'transport-id' ? Number(argument) : undefined);
    if (serial !== undefined && (serial !== this.#device.options.serial || !this.#isPlugged))
      return `device '${serial}' not found`;
    if (id !== undefined && id !== TRANSPORT_ID) return `no device with transport id '${id}'`;
    return this.#isPlugged ? undefined : 'no devices/emulators found';
  }

  #devices(isLong: boolean): string {
    if (!this.#isPlugged) return '';
    const { serial } = this.#device.options;
    const property = (name: string): string =>
      this.#device.properties.get(name)?.replaceAll(/[^\w.-]/g, '_') ?? '';
    return isLong
      ? `${serial.padEnd(22)} device virtual:1 product:${property('ro.product.name')} model:${property('ro.product.model')} device:${property('ro.product.device')} transport_id:${TRANSPORT_ID}\n`
      : `${serial}\tdevice\n`;
  }

  #track(socket: Socket, isLong: boolean): void {
    const send = (): void => void socket.write(hex4(this.#devices(isLong)));
    socket.write(okay());
    // Clients (adbkit) hand the tracker out after OKAY and would miss a list that comes with it.
    setTimeout(() => {
      if (socket.destroyed) return;
      send();
      this.#trackers.add(send);
      socket.once('close', () => this.#trackers.delete(send));
    }, FIRST_LIST_MS);
  }

  /** Answers a `wait-for-...`: the second OKAY comes once the phone is in the wanted state. */
  #whenState(isPlugged: boolean, socket: Socket): void {
    const check = (): void => {
      if (this.#isPlugged !== isPlugged) return;
      this.#trackers.delete(check);
      socket.end(okay());
    };
    this.#trackers.add(check);
    socket.once('close', () => this.#trackers.delete(check));
    check();
  }

  async #openOnPhone(name: string, socket: Duplex): Promise<void> {
    const stream = this.#link.through(socket as Socket);
    this.#deviceSockets.add(socket);
    socket.once('close', () => this.#deviceSockets.delete(socket));
    const service = await openService(name, this.#device, this.#reverse);
    if ('refusal' in service) {
      stream.end(failure(service.refusal));
      return;
    }
    stream.write(okay());
    service.serve(stream);
  }

  /** The host's side of a reverse: server and phone are one process, so it is a plain connection. */
  #connectHost(spec: string): Promise<Duplex | undefined> {
    const port = Number(/^tcp:(?:localhost:|127\.0\.0\.1:)?(\d+)$/.exec(spec)?.[1]);
    if (!Number.isInteger(port)) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true });
      socket.once('connect', () => {
        this.#deviceSockets.add(socket);
        socket.once('close', () => this.#deviceSockets.delete(socket));
        resolve(this.#link.through(socket));
      });
      socket.once('error', () => resolve(undefined));
    });
  }
}
