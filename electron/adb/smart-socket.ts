import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import * as adbkit from '@devicefarmer/adbkit';
import { AbortedError, ConnectionLostError, PhoneTimeoutError } from './adb-failure.ts';

/** Node's ESM loader sees only the CommonJS default of adbkit, bundlers and vitest its names. */
const { Adb } = 'Adb' in adbkit ? adbkit : (adbkit as { readonly default: typeof adbkit }).default;

export type AdbClient = ReturnType<typeof Adb.createClient>;
export type AdbConnection = Awaited<ReturnType<AdbClient['connection']>>;

export function createAdbClient(host: string, port: number): AdbClient {
  // adbkit starts the binary `bin` by itself when the server refuses; starting one is our caller's decision, so
  // it gets no name that could run.
  const client = Adb.createClient({ host, port, bin: '' });
  // Errors of sockets that nobody reads any more; without a listener they would end the process.
  client.on('error', () => undefined);
  return client;
}

/** Sends one smart-socket request and reads its status. @throws adbkit's FailError with the server's words. */
export async function request(connection: AdbConnection, text: string): Promise<void> {
  const payload = Buffer.from(text);
  connection.write(Buffer.concat([Buffer.from(payload.length.toString(16).padStart(4, '0')), payload]));
  await readStatus(connection);
}

/** Reads `OKAY`, or throws what `FAIL` says. */
export async function readStatus(connection: AdbConnection): Promise<void> {
  const status = await connection.parser.readAscii(4);
  if (status === 'FAIL') await connection.parser.readError();
  if (status !== 'OKAY') throw new Error(`adb answered ${JSON.stringify(status)} instead of OKAY or FAIL`);
}

export interface OpenOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | null | undefined;
}

/**
 * Runs a conversation on a fresh connection to the server and closes it afterwards, whatever happened; an
 * abort or timeout destroys the socket, which ends any waiting read.
 */
export async function converse<T>(
  client: AdbClient,
  options: OpenOptions,
  talk: (connection: AdbConnection, socket: Socket) => Promise<T>,
): Promise<T> {
  if (options.signal?.aborted === true) throw new AbortedError();
  const connection = await client.connection();
  const socket = connection.socket;
  connection.on('error', () => undefined);
  let stop: (error: Error) => void = () => undefined;
  const stopped = new Promise<never>((_, reject) => (stop = reject));
  const onAbort = (): void => stop(new AbortedError());
  const onClose = (): void => stop(new ConnectionLostError());
  const timeoutMs = options.timeoutMs ?? null;
  const timer =
    timeoutMs === null ? undefined : setTimeout(() => stop(new PhoneTimeoutError(timeoutMs)), timeoutMs);
  options.signal?.addEventListener('abort', onAbort, { once: true });
  socket.once('close', onClose);
  try {
    return await Promise.race([talk(connection, socket), stopped]);
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
    socket.removeListener('close', onClose);
    stopped.catch(() => undefined);
    socket.destroy();
  }
}

/** As much as may wait in this process for a slow link: reading a file and sending it then overlap. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

/** Writes with back-pressure: resolves once the socket takes more. */
export async function writeAll(socket: Duplex, chunks: readonly Buffer[]): Promise<void> {
  socket.cork();
  for (const chunk of chunks) socket.write(chunk);
  socket.uncork();
  if (socket.writableLength <= MAX_WAITING_BYTES || socket.destroyed) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      socket.removeListener('drain', done);
      socket.removeListener('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}
