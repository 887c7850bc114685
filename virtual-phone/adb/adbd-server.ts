import type { Server, Socket } from 'node:net';
import type { PhoneDevice } from '../device.ts';
import type { Link } from '../link/link-throttle.ts';
import { AdbdConnection } from './adbd-connection.ts';
import type { TrustedHosts } from './auth.ts';
import { createServer } from 'node:net';

/** The phone's adbd on TCP: the door for Google's adb (`adb connect 127.0.0.1:PORT`). */
export class AdbdServer {
  readonly server: Server;
  readonly #connections = new Set<AdbdConnection>();
  #isPlugged = true;

  constructor(device: PhoneDevice, hosts: TrustedHosts, link: Link) {
    this.server = createServer({ noDelay: true }, (socket: Socket) => {
      socket.on('error', () => undefined);
      if (!this.#isPlugged) {
        socket.destroy();
        return;
      }
      const connection = new AdbdConnection(device, hosts, link.through(socket));
      this.#connections.add(connection);
      socket.once('close', () => this.#connections.delete(connection));
      void connection.serve();
    });
  }

  /** Unplugged, the port stays taken but every connection to it ends at once. */
  setPlugged(isPlugged: boolean): void {
    this.#isPlugged = isPlugged;
    if (!isPlugged) this.dropConnections();
  }

  dropConnections(): void {
    for (const connection of this.#connections) connection.close();
  }
}
