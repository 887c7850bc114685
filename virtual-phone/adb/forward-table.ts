import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { failure, okay } from './smart-socket.ts';
import { joinStreams } from './stream-io.ts';

interface Forward {
  readonly port: number;
  remote: string;
  /** None where both sides name the same port of the one loopback. */
  readonly server: Server | undefined;
}

export interface ForwardDoor {
  /** Opens a socket of the phone, e.g. `tcp:8080`. */
  readonly connectPhone: (spec: string) => Promise<Duplex | undefined>;
  /** Puts the cable between a host's socket and the phone. */
  readonly through: (socket: Socket) => Duplex;
}

/** Ports of the host whose connections go to the phone (`adb forward`), as the adb server keeps them. */
export class ForwardTable {
  readonly #forwards = new Map<number, Forward>();
  readonly #sockets = new Set<Socket>();
  readonly #door: ForwardDoor;
  readonly #serial: string;

  constructor(door: ForwardDoor, serial: string) {
    this.#door = door;
    this.#serial = serial;
  }

  list(): string {
    return [...this.#forwards.values()]
      .map((entry) => `${this.#serial} tcp:${entry.port} ${entry.remote}\n`)
      .join('');
  }

  /** Serves `forward:[norebind:]LOCAL;REMOTE`; the first OKAY means connected, the second done. */
  async add(request: string): Promise<string> {
    const match = /^(norebind:)?tcp:(\d+);(.+)$/.exec(request);
    if (match === null) return failure(`this adb server forwards tcp ports only, not '${request}'`);
    const wanted = Number(match[2]);
    const remote = match[3] ?? '';
    if (!remote.startsWith('tcp:')) return failure(`a virtual phone has no socket '${remote}'`);
    const old = this.#forwards.get(wanted);
    if (old !== undefined && match[1] !== undefined) return failure('cannot rebind existing socket');
    if (old !== undefined) {
      old.remote = remote;
      return okay() + okay();
    }
    const bound = await this.#listen(wanted, remote);
    if (typeof bound === 'string') return failure(`cannot bind listener: ${bound}`);
    return wanted === 0 ? okay() + okay(String(bound)) : okay() + okay();
  }

  remove(local: string): string {
    const port = Number(/^tcp:(\d+)$/.exec(local)?.[1]);
    const entry = this.#forwards.get(port);
    if (entry === undefined) return failure(`listener '${local}' not found`);
    entry.server?.close();
    this.#forwards.delete(port);
    return okay() + okay();
  }

  removeAll(): string {
    for (const entry of this.#forwards.values()) entry.server?.close();
    this.#forwards.clear();
    return okay() + okay();
  }

  /** Ends every connection that goes through a forward. */
  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #listen(wanted: number, remote: string): Promise<number | string> {
    const server = createServer({ noDelay: true }, (socket) => this.#accept(socket, server, remote));
    return new Promise((resolve) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EADDRINUSE') resolve(error.message);
        else if (remote !== `tcp:${wanted}`) resolve('Address already in use');
        else {
          this.#forwards.set(wanted, { port: wanted, remote, server: undefined });
          resolve(wanted);
        }
      });
      server.listen(wanted, '127.0.0.1', () => {
        const { port } = server.address() as AddressInfo;
        this.#forwards.set(port, { port, remote, server });
        resolve(port);
      });
    });
  }

  #accept(socket: Socket, server: Server, remote: string): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(socket));
    const { port } = server.address() as AddressInfo;
    void this.#door.connectPhone(this.#forwards.get(port)?.remote ?? remote).then((stream) => {
      if (stream === undefined || socket.destroyed) {
        socket.destroy();
        stream?.destroy();
      } else joinStreams(this.#door.through(socket), stream);
    });
  }
}
