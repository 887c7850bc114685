import { readAll, readPieces, type ByteSink } from '../byte-streams.ts';
import { operandPath, parseFlags, type Command } from '../command.ts';
import { forEachInput, lines } from './file-reading.ts';
import { regularExpression } from './text.ts';

interface Substitution {
  readonly pattern: RegExp;
  readonly replacement: string;
  readonly prints: boolean;
}

/** `s/RE/TEXT/flags` with any delimiter; undefined for other scripts. */
function parseSubstitution(script: string, extended: boolean): Substitution | undefined {
  const delimiter = script[1];
  if (script[0] !== 's' || delimiter === undefined) return undefined;
  const parts: string[] = [''];
  for (let at = 2; at < script.length; at += 1) {
    const char = script[at] ?? '';
    if (char === '\\' && at + 1 < script.length) {
      const next = script[at + 1] ?? '';
      parts[parts.length - 1] += next === delimiter ? next : `\\${next}`;
      at += 1;
    } else if (char === delimiter) parts.push('');
    else parts[parts.length - 1] += char;
  }
  const [source = '', text = '', flags = ''] = parts;
  if (parts.length !== 3 || !/^[gipI]*$/.test(flags)) return undefined;
  const pattern = regularExpression(
    source,
    extended,
    `${flags.includes('g') ? 'g' : ''}${/i/i.test(flags) ? 'i' : ''}`,
  );
  if (pattern === undefined) return undefined;
  // JavaScript's replacement marks: `$` is literal, `&` is the match, `\1` a group.
  const replacement = text
    .replaceAll('$', '$$$$')
    .replaceAll(/\\(.)|&/gs, (whole, char: string | undefined) =>
      whole === '&'
        ? '$&'
        : /\d/.test(char ?? '')
          ? `$${char ?? ''}`
          : char === 'n'
            ? '\n'
            : char === 't'
              ? '\t'
              : (char ?? ''),
    );
  return { pattern, replacement, prints: flags.includes('p') };
}

const sed: Command = async (call) => {
  const { flags, values, operands } = parseFlags(call.args, 'nEr', 'e');
  const [script = '', ...paths] = values.has('e') ? [values.get('e') ?? '', ...operands] : operands;
  const substitution = parseSubstitution(script, flags.has('E') || flags.has('r'));
  if (substitution === undefined) {
    await call.err(`sed: unsupported script '${script}' (this phone knows s/// only)\n`);
    return 1;
  }
  return forEachInput(call, paths, async (source) => {
    for await (const line of lines(source, call.signal)) {
      substitution.pattern.lastIndex = 0;
      const isHit = substitution.pattern.test(line);
      substitution.pattern.lastIndex = 0;
      const text = line.replace(substitution.pattern, substitution.replacement);
      if (!flags.has('n') || (substitution.prints && isHit)) await call.out(`${text}\n`);
      if (!flags.has('n') && substitution.prints && isHit) await call.out(`${text}\n`);
    }
  });
};

const xargs: Command = async (call) => {
  const { flags, values, operands } = parseXargs(call.args);
  const text = (await readAll(call.streams.stdin, call.signal)).toString('utf8');
  const items = text
    .split(flags.has('0') ? '\0' : values.has('I') ? '\n' : /\s+/)
    .filter((item) => item !== '');
  const command = operands.length === 0 ? ['echo'] : operands;
  const mark = values.get('I');
  if (items.length === 0 && (flags.has('r') || mark !== undefined)) return 0;
  const perRun = mark === undefined ? Number(values.get('n') ?? Math.max(1, items.length)) : 1;
  let status = 0;
  for (let at = 0; at < Math.max(1, items.length); at += perRun) {
    const batch = items.slice(at, at + perRun);
    const argv =
      mark === undefined
        ? [...command, ...batch]
        : command.map((word) => word.replaceAll(mark, batch[0] ?? ''));
    if ((await call.run(argv)) !== 0) status = 123;
  }
  return status;
};

/** Options end at the first operand: the rest belongs to the command that xargs runs. */
function parseXargs(args: readonly string[]): ReturnType<typeof parseFlags> {
  let at = 0;
  while (args[at]?.startsWith('-') === true) at += /^-[nI]$/.test(args[at] ?? '') ? 2 : 1;
  const parsed = parseFlags(args.slice(0, at), '0rt', 'nI');
  return { ...parsed, operands: args.slice(at) };
}

const tee: Command = async (call) => {
  const { flags, operands } = parseFlags(call.args, 'ai');
  const writers = operands.map((operand) =>
    call.device.files.openWrite(operandPath(call, operand), flags.has('a') ? 'a' : 'w'),
  );
  try {
    for (;;) {
      const pieces = await readPieces(call.streams.stdin, call.signal);
      if (pieces === undefined || call.signal.aborted) break;
      // All are waited for, also when one fails: a file is not closed under a write.
      const written = await Promise.allSettled([
        ...writers.map((writer) => writer.write(...pieces)),
        writeEach(call.streams.stdout, pieces),
      ]);
      for (const result of written) if (result.status === 'rejected') throw result.reason;
    }
  } finally {
    for (const writer of writers) await writer.close();
  }
  return 0;
};

async function writeEach(sink: ByteSink, pieces: readonly Uint8Array[]): Promise<void> {
  for (const piece of pieces) await sink.write(piece);
}

const basename: Command = async (call) => {
  const [path = '', suffix = ''] = call.args;
  const name = path.replace(/\/+$/, '').split('/').at(-1) ?? '';
  await call.out(
    `${name !== suffix && suffix !== '' && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name || '/'}\n`,
  );
  return 0;
};

const dirname: Command = async (call) => {
  const path = (call.args[0] ?? '').replace(/\/+$/, '');
  const at = path.lastIndexOf('/');
  await call.out(`${at < 0 ? '.' : path.slice(0, at) || '/'}\n`);
  return 0;
};

const readlink: Command = async (call) => {
  const { flags, operands } = parseFlags(call.args, 'fen');
  const path = operandPath(call, operands[0] ?? '');
  if (!flags.has('f') && call.device.files.statIfAny(path, false)?.kind !== 'symlink') return 1;
  await call.out(`${flags.has('f') ? call.device.files.resolve(path) : call.device.files.readlink(path)}\n`);
  return 0;
};

const realpath: Command = async (call) => {
  const path = operandPath(call, call.args[0] ?? '.');
  call.device.files.stat(path);
  await call.out(`${call.device.files.resolve(path)}\n`);
  return 0;
};

export const TEXT_TOOL_COMMANDS: readonly (readonly [string, Command])[] = [
  ['sed', sed],
  ['xargs', xargs],
  ['tee', tee],
  ['basename', basename],
  ['dirname', dirname],
  ['readlink', readlink],
  ['realpath', realpath],
];
