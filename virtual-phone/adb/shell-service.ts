import type { Duplex } from 'node:stream';
import type { PhoneDevice } from '../device.ts';
import { ADBD_PID } from '../processes/process-table.ts';
import { BrokenPipeError, Pipe, type ByteSink } from '../shell/byte-streams.ts';
import { startShell, type ShellInput } from '../shell/start-shell.ts';
import { StreamEndedError, StreamReader, writeChunk } from './stream-io.ts';

export interface ShellRequest {
  readonly command: string;
  readonly isV2: boolean;
  readonly isTerminal: boolean;
  readonly terminal: string;
}

/** Packets of the v2 shell protocol: id, length (little endian), data. */
const V2 = { STDIN: 0, STDOUT: 1, STDERR: 2, EXIT: 3, CLOSE_STDIN: 4, WINDOW_SIZE: 5 } as const;
const V2_HEADER_BYTES = 5;
const MAX_V2_BYTES = 4 * 1024 * 1024;

function streamSink(stream: Duplex, id: number | undefined): ByteSink {
  return {
    write: async (bytes) => {
      try {
        if (id === undefined) return await writeChunk(stream, bytes);
        const header = Buffer.allocUnsafe(V2_HEADER_BYTES);
        header.writeUInt8(id, 0);
        header.writeUInt32LE(bytes.length, 1);
        stream.cork();
        const written = Promise.all([writeChunk(stream, header), writeChunk(stream, bytes)]);
        stream.uncork();
        await written;
      } catch (error) {
        if (error instanceof StreamEndedError) throw new BrokenPipeError();
        throw error;
      }
    },
  };
}

/** Serves `shell:` and `exec:` (raw bytes) and `shell,v2:` (separate streams and the exit code). */
export async function serveShell(device: PhoneDevice, stream: Duplex, request: ShellRequest): Promise<void> {
  const client = new AbortController();
  stream.on('error', () => client.abort());
  stream.on('close', () => client.abort());
  const stdin = new Pipe();
  const reader = new StreamReader(stream);
  void (request.isV2 ? feedV2(reader, stdin) : feedRaw(reader, stdin)).finally(() => stdin.end());
  const stdout = streamSink(stream, request.isV2 ? V2.STDOUT : undefined);
  const stderr = request.isV2 && !request.isTerminal ? streamSink(stream, V2.STDERR) : stdout;
  const input: ShellInput = {
    command: request.command,
    parentPid: ADBD_PID,
    isTerminal: request.isTerminal,
    terminal: request.terminal,
    streams: { stdin, stdout, stderr },
    signal: AbortSignal.any([client.signal, device.lifetime]),
  };
  const status = await startShell(device, input);
  stdin.break();
  if (stream.destroyed) return;
  if (request.isV2) stream.end(Buffer.from([V2.EXIT, 1, 0, 0, 0, status & 255]));
  else stream.end();
}

async function feedRaw(reader: StreamReader, stdin: Pipe): Promise<void> {
  for (let chunk = await reader.readSome(65_536); chunk !== undefined; chunk = await reader.readSome(65_536))
    if (!(await offered(stdin, chunk))) return;
}

async function feedV2(reader: StreamReader, stdin: Pipe): Promise<void> {
  for (;;) {
    const header = await reader.readExactly(V2_HEADER_BYTES).catch(() => undefined);
    if (header === undefined) return;
    const length = header.readUInt32LE(1);
    if (length > MAX_V2_BYTES) return;
    // Pieces go on as they come: joining them would copy all that is pushed.
    for (let left = length; left > 0;) {
      const part = await reader.readSome(left);
      if (part === undefined) return;
      left -= part.length;
      if (header[0] === V2.STDIN && !(await offered(stdin, part))) return;
    }
    if (header[0] === V2.CLOSE_STDIN) stdin.end();
  }
}

/** False once nobody reads stdin any more. */
async function offered(stdin: Pipe, bytes: Buffer): Promise<boolean> {
  try {
    await stdin.write(bytes);
    return true;
  } catch (error) {
    if (error instanceof BrokenPipeError) return false;
    throw error;
  }
}
