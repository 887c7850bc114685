import { ok, type Result } from '../../core/result.ts';
import { errorCode, errorMessage } from '../files/atomic-file.ts';
import { adbFailure } from './adb-failure.ts';
import { parseAdbState } from './adb-state.ts';
import type { AdbDevice, PhoneLink } from './phone-link.ts';
import { runShellCommand } from './shell-service.ts';
import { converse, createAdbClient, readStatus, request, type AdbClient } from './smart-socket.ts';
import { syncSend } from './sync-send.ts';

const DEFAULT_TIMEOUT_MS = 15_000;
/** `adb connect` itself waits up to 10 s for a phone that does not answer. */
const CONNECT_TIMEOUT_MS = 20_000;

/** {@link PhoneLink} over adbkit's connections to the adb server at `host:port`. */
export function createAdbkitLink(host: string, port: number): PhoneLink {
  const client = createAdbClient(host, port);
  const attempt = async <T>(what: string, serial: string | undefined, act: () => PromiseLike<T>) => {
    try {
      return ok(await act());
    } catch (error) {
      return adbFailure(error, what, serial);
    }
  };
  return {
    host,
    port,
    serverVersion: () => attempt('Asking for the adb version', undefined, () => client.version()),
    listDevices: () =>
      attempt('Listing phones', undefined, async () => (await client.listDevices()).map(toAdbDevice)),
    trackDevices: (onDevices, onEnd) =>
      attempt('Watching phones', undefined, () => trackDevices(client, onDevices, onEnd)),
    connect: (address) => connectTo(client, address),
    disconnect: (address) =>
      attempt(`Disconnecting ${address}`, undefined, () =>
        converse(client, { timeoutMs: DEFAULT_TIMEOUT_MS }, async (connection) => {
          await request(connection, `host:disconnect:${address}`);
          return null;
        }),
      ),
    shell: (serial, command, options = {}) =>
      attempt(`\`${command.slice(0, 60)}\``, serial, () => {
        const timeoutMs = options.timeoutMs === undefined ? DEFAULT_TIMEOUT_MS : options.timeoutMs;
        return converse(client, { signal: options.signal, timeoutMs }, async (connection, socket) => {
          await request(connection, `host:transport:${serial}`);
          return runShellCommand(connection, socket, command, options);
        });
      }),
    push: (serial, source, path, options = {}) =>
      attempt(`Pushing ${path}`, serial, () =>
        converse(client, { signal: options.signal }, async (connection, socket) => {
          await request(connection, `host:transport:${serial}`);
          await syncSend(connection, socket, source, path, options);
          return null;
        }),
      ),
    pull: (serial, path) => attempt(`Pulling ${path}`, serial, () => client.getDevice(serial).pull(path)),
    stat: (serial, path) =>
      attempt(`Looking for ${path}`, serial, async () => {
        try {
          const stat = await client.getDevice(serial).stat(path);
          // adbkit's `mtime` is an invalid Date on current Node; `mtimeMs` is right.
          return { mode: stat.mode, sizeBytes: stat.size, mtimeMs: stat.mtimeMs };
        } catch (error) {
          if (errorCode(error) === 'ENOENT') return null;
          throw error;
        }
      }),
    forward: (serial, devicePort) =>
      attempt(`Forwarding port ${devicePort}`, serial, () =>
        converse(client, { timeoutMs: DEFAULT_TIMEOUT_MS }, async (connection) => {
          await request(connection, `host-serial:${serial}:forward:tcp:0;tcp:${devicePort}`);
          // One OKAY for the server, one for the forward, then the port that it chose.
          await readStatus(connection);
          const local = Number((await connection.parser.readValue()).toString('ascii'));
          if (!Number.isInteger(local) || local <= 0) throw new Error('adb named no local port');
          return local;
        }),
      ),
    removeForward: (serial, localPort) =>
      attempt(`Removing the forward of port ${localPort}`, serial, () =>
        converse(client, { timeoutMs: DEFAULT_TIMEOUT_MS }, async (connection) => {
          await request(connection, `host-serial:${serial}:killforward:tcp:${localPort}`);
          return null;
        }),
      ),
    reverse: (serial, devicePort, hostPort) =>
      attempt(`Reversing port ${devicePort}`, serial, async () => {
        await client.getDevice(serial).reverse(`tcp:${devicePort}`, `tcp:${hostPort}`);
        return null;
      }),
  };
}

function toAdbDevice(device: { id: string; type: string }): AdbDevice {
  return { serial: device.id, state: parseAdbState(device.type) };
}

async function trackDevices(
  client: AdbClient,
  onDevices: Parameters<PhoneLink['trackDevices']>[0],
  onEnd: Parameters<PhoneLink['trackDevices']>[1],
): Promise<{ stop(): void }> {
  const connection = await client.connection();
  connection.on('error', () => undefined);
  await request(connection, 'host:track-devices');
  let stopped = false;
  const end = (error: unknown): void => {
    connection.socket.destroy();
    if (stopped) return;
    stopped = true;
    const failed = adbFailure(error, 'Watching phones');
    if (failed.ok) return;
    onEnd({ ...failed.failure, code: 'adb-unreachable', message: 'The adb server went away.' });
  };
  const read = async (): Promise<never> => {
    for (;;) {
      const list = (await connection.parser.readValue()).toString('utf8');
      if (!stopped) onDevices(parseDeviceList(list));
    }
  };
  read().catch(end);
  return {
    stop: () => {
      stopped = true;
      connection.socket.destroy();
    },
  };
}

/** `SERIAL<TAB>STATE` lines, as `host:devices` and `host:track-devices` give them. */
export function parseDeviceList(text: string): AdbDevice[] {
  return text.split('\n').flatMap((line): AdbDevice[] => {
    const [serial, ...state] = line.split('\t');
    return serial === undefined || serial === '' || state.length === 0
      ? []
      : [{ serial, state: parseAdbState(state.join(' ')) }];
  });
}

/** The server answers in prose, and `OKAY` for failures too. */
async function connectTo(client: AdbClient, address: string): Promise<Result<string>> {
  try {
    return await converse(client, { timeoutMs: CONNECT_TIMEOUT_MS }, async (connection) => {
      await request(connection, `host:connect:${address}`);
      const words = (await connection.parser.readValue()).toString('utf8');
      // "failed to authenticate": the phone shows its dialog; it comes online when the user taps Allow.
      if (/^(already )?connected to |failed to authenticate/.test(words)) return ok(address);
      return adbFailure(new Error(words.trim()), `Connecting to ${address}`);
    });
  } catch (error) {
    return adbFailure(error, `Connecting to ${address} (${errorMessage(error)})`);
  }
}
