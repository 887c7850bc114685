import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { PhoneDevice } from '../device.ts';
import type { ReverseTable } from './reverse.ts';
import { serveShell, type ShellRequest } from './shell-service.ts';
import { serveSync } from './sync-service.ts';
import { joinStreams } from './stream-io.ts';

/** A service that a host asked for: it takes the stream, or says why there is none. */
export type OpenedService = { readonly serve: (stream: Duplex) => void } | { readonly refusal: string };

/** A defect in one service ends its stream and is told; the phone and its other hosts go on. */
function isolated(device: PhoneDevice, name: string, run: (stream: Duplex) => Promise<void>): OpenedService {
  return {
    serve: (stream) => {
      run(stream).catch((error: unknown) => {
        device.log.add(
          'E',
          'adbd',
          `${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
        );
        process.stderr.write(
          `defect in service ${name}: ${error instanceof Error ? (error.stack ?? '') : String(error)}\n`,
        );
        stream.destroy();
      });
    },
  };
}

/** What the phone is able to do, as adb names it. Left out on purpose: sendrecv_v2, delayed_ack, abb, remount_shell. */
export const FEATURES = [
  'shell_v2',
  'cmd',
  'stat_v2',
  'ls_v2',
  'fixed_push_mkdir',
  'apex',
  'fixed_push_symlink_timestamp',
] as const;

function answer(text: string): OpenedService {
  return { serve: (stream) => stream.end(text) };
}

/** Opens a service by adb's name for it; `reverse` belongs to the host that asks. */
export async function openService(
  name: string,
  device: PhoneDevice,
  reverse: ReverseTable,
): Promise<OpenedService> {
  const [kind = ''] = name.split(/[:,]/, 1);
  const rest = name.slice(kind.length + 1);
  switch (kind) {
    case 'shell':
    case 'exec':
      return isolated(device, kind, (stream) => serveShell(device, stream, parseShellName(name)));
    case 'sync':
      return isolated(device, kind, (stream) => serveSync(device, stream));
    case 'reverse':
      return isolated(device, kind, (stream) => reverse.serve(stream, rest));
    case 'tcp':
      return openTcp(rest);
    case 'root':
      return answer('adbd cannot run as root in production builds\n');
    case 'unroot':
      return answer('adbd not running as root\n');
    case 'remount':
    case 'disable-verity':
    case 'enable-verity':
      return answer('Not running as root. Try "adb root" first.\n');
    case 'tcpip':
    case 'usb':
      return answer('a virtual phone keeps its port; start it with another --port\n');
    case 'reboot':
      return answer('a virtual phone does not reboot; stop and start it\n');
    case 'localabstract':
    case 'localreserved':
    case 'localfilesystem':
    case 'local':
      return { refusal: `${kind} sockets do not exist on a virtual phone` };
    default:
      return { refusal: `unknown service '${name}'` };
  }
}

/** `shell:CMD`, `shell,v2,TERM=xterm,raw:CMD`, `exec:CMD`. */
function parseShellName(name: string): ShellRequest {
  const colon = name.indexOf(':');
  const options = name.slice(0, colon).split(',').slice(1);
  const command = name.slice(colon + 1);
  return {
    command,
    isV2: options.includes('v2'),
    isTerminal:
      options.includes('pty') || (command === '' && !options.includes('raw') && !name.startsWith('exec')),
    terminal: options.find((option) => option.startsWith('TERM='))?.slice('TERM='.length) ?? 'dumb',
  };
}

/** Connects to a port of the phone (its processes share the host's loopback). */
export function connectPhonePort(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}

async function openTcp(rest: string): Promise<OpenedService> {
  const port = Number(rest.split(':', 1)[0]);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return { refusal: `'${rest}' is no port` };
  const socket = await connectPhonePort(port);
  if (socket === undefined) return { refusal: `nothing listens on the phone's port ${port}` };
  return { serve: (stream) => joinStreams(stream, socket) };
}
