import { fileSource, type ByteSource } from '../byte-streams.ts';
import { operandPath, type Command } from '../command.ts';
import { parseSize } from './file-changes.ts';

const KNOWN = new Set(['if', 'of', 'bs', 'count', 'skip', 'seek', 'conv', 'status', 'iflag', 'oflag']);
const MAX_BLOCK_BYTES = 256 * 1024 * 1024;

/** Reads exactly `size` bytes unless the source ends first. */
async function readBlock(source: ByteSource, size: number, signal: AbortSignal): Promise<Uint8Array[]> {
  const parts: Uint8Array[] = [];
  let left = size;
  while (left > 0) {
    const chunk = await source.read(signal);
    if (chunk === undefined) break;
    parts.push(chunk.length > left ? chunk.subarray(0, left) : chunk);
    if (chunk.length > left) source.unread(chunk.subarray(left));
    left -= Math.min(left, chunk.length);
  }
  return parts;
}

/** `dd if= of= bs= count= skip= seek= conv=notrunc`; the summary goes to stderr as toybox writes it. */
export const dd: Command = async (call) => {
  const options = new Map<string, string>();
  for (const arg of call.args) {
    const at = arg.indexOf('=');
    const name = arg.slice(0, Math.max(0, at));
    if (!KNOWN.has(name)) {
      await call.err(`dd: unknown operand '${arg}'\n`);
      return 1;
    }
    options.set(name, arg.slice(at + 1));
  }
  const sizes = ['bs', 'count', 'skip', 'seek'].map(
    (name) => [name, parseSize(options.get(name) ?? '0')] as const,
  );
  const wrong = sizes.find(([, value]) => value === undefined);
  const block = parseSize(options.get('bs') ?? '512') ?? 0;
  if (wrong !== undefined || block === 0 || block > MAX_BLOCK_BYTES) {
    await call.err(`dd: bad ${wrong?.[0] ?? 'bs'} '${options.get(wrong?.[0] ?? 'bs') ?? ''}'\n`);
    return 1;
  }
  const [, count = 0, skip = 0, seek = 0] = sizes.map(([, value]) => value);
  const input = options.get('if');
  const output = options.get('of');
  const reader = input === undefined ? undefined : call.device.files.openRead(operandPath(call, input));
  const source = reader === undefined ? call.streams.stdin : fileSource(reader);
  const keeps = seek > 0 || (options.get('conv') ?? '').split(',').includes('notrunc');
  const writer =
    output === undefined || call.device.files.resolve(operandPath(call, output)) === '/dev/null'
      ? undefined
      : call.device.files.openWrite(operandPath(call, output), keeps ? 'r+' : 'w');
  if (seek > 0) writer?.seek(seek * block);
  let whole = 0;
  let partial = 0;
  let copied = 0;
  try {
    for (let index = 0; index < skip && !call.signal.aborted; index += 1)
      await readBlock(source, block, call.signal);
    while ((!options.has('count') || whole + partial < count) && !call.signal.aborted) {
      const parts = await readBlock(source, block, call.signal);
      const length = parts.reduce((sum, part) => sum + part.length, 0);
      if (length === 0) break;
      if (writer !== undefined) await writer.write(...parts);
      else if (output === undefined) for (const part of parts) await call.streams.stdout.write(part);
      copied += length;
      if (length === block) whole += 1;
      else partial += 1;
    }
  } finally {
    await reader?.close();
    await writer?.close();
  }
  if (options.get('status') !== 'none')
    await call.err(
      `${whole}+${partial} records in\n${whole}+${partial} records out\n${copied} bytes copied\n`,
    );
  return 0;
};
