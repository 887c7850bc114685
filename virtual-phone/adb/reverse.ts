import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { joinStreams } from './stream-io.ts';

/** Connects to a socket on the host's side, e.g. `tcp:5000`; undefined when nothing answers there. */
export type ConnectHost = (spec: string) => Promise<Duplex | undefined>;

interface ReverseEntry {
  readonly phonePort: number;
  readonly host: string;
  /** None where host and phone name the same port of the one loopback: what connects is there already. */
  readonly server: Server | undefined;
}

function hex4(text: string): string {
  return `${Buffer.byteLength(text).toString(16).padStart(4, '0')}${text}`;
}

/** Ports of the phone whose connections go to the host (`adb reverse`); one table per connected host. */
export class ReverseTable {
  readonly #entries = new Map<number, ReverseEntry>();
  readonly #connectHost: ConnectHost;
  readonly #listName: string;

  /** @param listName how list-forward names the host's transport. */
  constructor(connectHost: ConnectHost, listName: string) {
    this.#connectHost = connectHost;
    this.#listName = listName;
  }

  /** Serves `reverse:<request>`; note that list-forward alone answers without OKAY. */
  async serve(stream: Duplex, request: string): Promise<void> {
    stream.on('error', () => undefined);
    stream.resume();
    stream.end(await this.#answer(request));
  }

  close(): void {
    for (const entry of this.#entries.values()) entry.server?.close();
    this.#entries.clear();
  }

  async #answer(request: string): Promise<string> {
    if (request === 'list-forward')
      return hex4(
        [...this.#entries.values()]
          .map((entry) => `${this.#listName} tcp:${entry.phonePort} ${entry.host}\n`)
          .join(''),
      );
    if (request === 'killforward-all') {
      this.close();
      return 'OKAY';
    }
    if (request.startsWith('killforward:')) {
      const port = Number(/^killforward:tcp:(\d+)$/.exec(request)?.[1]);
      const entry = this.#entries.get(port);
      if (entry === undefined)
        return `FAIL${hex4(`listener '${request.slice('killforward:'.length)}' not found`)}`;
      entry.server?.close();
      this.#entries.delete(port);
      return 'OKAY';
    }
    const match = /^forward:(norebind:)?tcp:(\d+);(.+)$/.exec(request);
    if (match === null) return `FAIL${hex4(`a virtual phone reverses tcp ports only, not '${request}'`)}`;
    return this.#add(Number(match[2]), match[3] ?? '', match[1] !== undefined);
  }

  async #add(wantedPort: number, host: string, norebind: boolean): Promise<string> {
    const old = this.#entries.get(wantedPort);
    if (old !== undefined && norebind) return `FAIL${hex4(`cannot rebind existing socket`)}`;
    if (old !== undefined) {
      // Rebinding keeps the listener: only its goal changes.
      this.#entries.set(wantedPort, { ...old, host });
      return 'OKAY';
    }
    const server = createServer({ noDelay: true }, (socket) => {
      socket.on('error', () => undefined);
      const { port } = server.address() as AddressInfo;
      void this.#connectHost(this.#entries.get(port)?.host ?? host).then((stream) => {
        if (stream === undefined || socket.destroyed) socket.destroy();
        else joinStreams(socket, stream);
        if (socket.destroyed) stream?.destroy();
      });
    });
    const bound = await new Promise<number | string>((resolve) => {
      server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
      server.listen(wantedPort, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
    });
    if (typeof bound === 'string') {
      if (bound !== 'EADDRINUSE' || host !== `tcp:${wantedPort}`)
        return `FAIL${hex4(`cannot bind listener: ${bound === 'EADDRINUSE' ? 'Address already in use' : bound}`)}`;
      this.#entries.set(wantedPort, { phonePort: wantedPort, host, server: undefined });
      return 'OKAY';
    }
    this.#entries.set(bound, { phonePort: bound, host, server });
    return wantedPort === 0 ? `OKAY${hex4(String(bound))}` : 'OKAY';
  }
}
