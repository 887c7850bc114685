import type { Socket } from 'node:net';
import { feedFile } from './file-feed.ts';
import type { ShellOptions, ShellOutput } from './phone-link.ts';
import {
  SHELL_CLOSE_STDIN,
  SHELL_EXIT,
  SHELL_HEADER_BYTES,
  SHELL_STDERR,
  SHELL_STDIN,
  SHELL_STDOUT,
  ShellPacketReader,
  shellPacketHeader,
  writeShellPacketHeader,
} from './shell-protocol.ts';
import { request, writeAll, type AdbConnection } from './smart-socket.ts';

/**
 * Runs a command over a connection that is switched to the phone. `raw` = no terminal, so that input is
 * binary-safe and stderr stays apart. Every Android since 7 has shell v2.
 */
export async function runShellCommand(
  connection: AdbConnection,
  socket: Socket,
  command: string,
  options: ShellOptions,
): Promise<ShellOutput> {
  await request(connection, `shell,v2,raw:${command}`);
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  const reader = new ShellPacketReader();
  const exited = new Promise<number>((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const packet of reader.push(chunk)) {
          if (packet.id === SHELL_STDOUT) stdout.push(packet.payload);
          else if (packet.id === SHELL_STDERR) stderr.push(packet.payload);
          else if (packet.id === SHELL_EXIT) resolve(packet.payload[0] ?? 0);
        }
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
  });
  const fed = feedStdin(socket, options);
  // An input stream that breaks ends the call; a command that exits before it read all of its input is fine.
  const exitCode = await Promise.race([exited, fed.then(() => exited)]);
  fed.catch(() => undefined);
  return {
    exitCode,
    stdout: Buffer.concat(stdout).toString('utf8'),
    stderr: Buffer.concat(stderr).toString('utf8'),
  };
}

async function feedStdin(socket: Socket, { stdin, onStdinBytes }: ShellOptions): Promise<void> {
  if (Buffer.isBuffer(stdin)) {
    await writeAll(socket, [shellPacketHeader(SHELL_STDIN, stdin.length), stdin]);
    onStdinBytes?.(stdin.length);
  } else if (stdin !== undefined) {
    const header = (into: Buffer, length: number): void => writeShellPacketHeader(into, SHELL_STDIN, length);
    await feedFile(socket, stdin, SHELL_HEADER_BYTES, header, (bytes) => onStdinBytes?.(bytes));
  }
  if (!socket.destroyed) await writeAll(socket, [shellPacketHeader(SHELL_CLOSE_STDIN, 0)]);
}
