import { PhoneFileError } from '../../files/errno.ts';
import { fileSource, type ByteSource } from '../byte-streams.ts';
import { operandPath, parseFlags, type Command, type CommandCall } from '../command.ts';
import { streamDigest } from '../stream-digest.ts';
import { parseSize } from './file-changes.ts';
import { pause } from './output.ts';

/** How often `tail -f` looks for more, as toybox does once a second but kinder to watchers. */
const FOLLOW_MS = 100;

/** Reads each operand (`-` and none: stdin) in turn; files that cannot be read are told and skipped. */
export async function forEachInput(
  call: CommandCall,
  operands: readonly string[],
  use: (source: ByteSource, operand: string) => Promise<void>,
): Promise<number> {
  let status = 0;
  for (const operand of operands.length === 0 ? ['-'] : operands) {
    if (operand === '-') {
      await use(call.streams.stdin, operand);
      continue;
    }
    try {
      const reader = call.device.files.openRead(operandPath(call, operand));
      try {
        await use(fileSource(reader), operand);
      } finally {
        await reader.close();
      }
    } catch (error) {
      if (!(error instanceof PhoneFileError) || error.errno === 'ENOSPC') throw error;
      await call.err(`${call.name}: ${operand}: ${error.text}\n`);
      status = 1;
    }
  }
  return status;
}

export async function* chunks(source: ByteSource, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for (let chunk = await source.read(signal); chunk !== undefined; chunk = await source.read(signal)) {
    if (signal.aborted) return;
    yield chunk;
  }
}

/** Lines of a source without their newlines. */
export async function* lines(source: ByteSource, signal: AbortSignal): AsyncGenerator<string> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of chunks(source, signal)) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    yield* parts;
  }
  if (rest !== '') yield rest;
}

const cat: Command = (call) =>
  forEachInput(call, parseFlags(call.args, 'uevt').operands, async (source) => {
    for await (const chunk of chunks(source, call.signal)) await call.streams.stdout.write(chunk);
  });

/** `-5` means `-n 5`. */
function withCount(args: readonly string[]): string[] {
  return args.flatMap((arg) => (/^-\d+$/.test(arg) ? ['-n', arg.slice(1)] : [arg]));
}

const head: Command = (call) => {
  const { values, operands } = parseFlags(withCount(call.args), 'qv', 'nc');
  const byteLimit = values.get('c') === undefined ? undefined : (parseSize(values.get('c') ?? '') ?? 0);
  return forEachInput(call, operands, async (source) => {
    let left = byteLimit ?? Number(values.get('n') ?? 10);
    while (left > 0) {
      const chunk = await source.read(call.signal);
      if (chunk === undefined) return;
      let end = byteLimit === undefined ? 0 : Math.min(left, chunk.length);
      if (byteLimit === undefined)
        for (; left > 0 && end < chunk.length; left -= 1) {
          const at = chunk.indexOf(0x0a, end);
          if (at < 0) {
            end = chunk.length;
            break;
          }
          end = at + 1;
        }
      else left -= end;
      await call.streams.stdout.write(chunk.subarray(0, end));
      if (end < chunk.length) source.unread(chunk.subarray(end));
    }
  });
};

const tail: Command = (call) => {
  const { flags, values, operands } = parseFlags(withCount(call.args), 'fFqv', 'nc');
  const byteCount = values.get('c');
  return forEachInput(call, operands, async (source, operand) => {
    const all: Uint8Array[] = [];
    for await (const chunk of chunks(source, call.signal)) all.push(chunk);
    const bytes = Buffer.concat(all);
    const amount = (byteCount ?? values.get('n') ?? '10').replace(/^-/, '');
    const from = amount.startsWith('+')
      ? byteCount === undefined
        ? lineStart(bytes, Number(amount.slice(1)) - 1)
        : Number(amount.slice(1)) - 1
      : byteCount === undefined
        ? lastLines(bytes, Number(amount))
        : Math.max(0, bytes.length - Number(amount));
    await call.streams.stdout.write(bytes.subarray(from));
    while ((flags.has('f') || flags.has('F')) && operand !== '-' && !call.signal.aborted) {
      for await (const chunk of chunks(source, call.signal)) await call.streams.stdout.write(chunk);
      await pause(FOLLOW_MS, call.signal);
    }
  });
};

function lineStart(bytes: Buffer, line: number): number {
  let at = 0;
  for (let index = 0; index < line && at < bytes.length; index += 1) {
    const end = bytes.indexOf(0x0a, at);
    at = end < 0 ? bytes.length : end + 1;
  }
  return at;
}

function lastLines(bytes: Buffer, count: number): number {
  let at = bytes.at(-1) === 0x0a ? bytes.length - 1 : bytes.length;
  for (let index = 0; index < count; index += 1) {
    at = at === 0 ? -1 : bytes.lastIndexOf(0x0a, at - 1);
    if (at < 0) return 0;
  }
  return count === 0 ? bytes.length : at + 1;
}

const wc: Command = async (call) => {
  const { flags, operands } = parseFlags(call.args, 'lwcm');
  const shown = (['l', 'w', 'c', 'm'] as const).filter((flag) =>
    flags.size === 0 ? flag !== 'm' : flags.has(flag),
  );
  const totals = { l: 0, w: 0, c: 0, m: 0 };
  const print = (counts: typeof totals, name: string): Promise<void> =>
    call.out(`${shown.map((flag) => String(counts[flag])).join(' ')}${name === '-' ? '' : ` ${name}`}\n`);
  const status = await forEachInput(call, operands, async (source, operand) => {
    const counts = { l: 0, w: 0, c: 0, m: 0 };
    let inWord = false;
    for await (const chunk of chunks(source, call.signal))
      for (const byte of chunk) {
        const isBlank = byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
        if (byte === 0x0a) counts.l += 1;
        if (!isBlank && !inWord) counts.w += 1;
        inWord = !isBlank;
        counts.c += 1;
        if ((byte & 0xc0) !== 0x80) counts.m += 1;
      }
    for (const key of ['l', 'w', 'c', 'm'] as const) totals[key] += counts[key];
    await print(counts, operand);
  });
  if (operands.length > 1) await print(totals, 'total');
  return status;
};

/** `sha256sum -c LIST`: every line of the list names a digest and a file. */
async function checkDigests(call: CommandCall, algorithm: string, lists: readonly string[]): Promise<number> {
  let failed = 0;
  const status = await forEachInput(call, lists, async (source) => {
    for await (const line of lines(source, call.signal)) {
      const [, wanted = '', name = ''] = /^([0-9a-f]+) [ *](.+)$/i.exec(line) ?? [];
      let digest = '';
      const unread = await forEachInput(call, [name], async (file) => {
        digest = await streamDigest(algorithm, chunks(file, call.signal));
      });
      const isRight = unread === 0 && digest === wanted.toLowerCase();
      if (!isRight) failed += 1;
      await call.out(`${name}: ${isRight ? 'OK' : 'FAILED'}\n`);
    }
  });
  return failed > 0 ? 1 : status;
}

function digest(algorithm: string): Command {
  return (call) => {
    const { flags, operands } = parseFlags(call.args, 'bcs');
    if (flags.has('c')) return checkDigests(call, algorithm, operands);
    return forEachInput(call, operands, async (source, operand) => {
      const sum = await streamDigest(algorithm, chunks(source, call.signal));
      await call.out(`${sum}${flags.has('b') ? '' : `  ${operand}`}\n`);
    });
  };
}

export const READING_COMMANDS: readonly (readonly [string, Command])[] = [
  ['cat', cat],
  ['head', head],
  ['tail', tail],
  ['wc', wc],
  ['sha256sum', digest('sha256')],
  ['sha1sum', digest('sha1')],
  ['md5sum', digest('md5')],
];
