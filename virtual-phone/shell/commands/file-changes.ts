import { PhoneFileError } from '../../files/errno.ts';
import { operandPath, parseFlags, type Command, type CommandCall } from '../command.ts';

const COPY_BYTES = 1024 * 1024;

/** Runs `change` for each operand; failures are told in toybox's words `NAME: 'FILE': REASON` and go on. */
async function forEachOperand(
  call: CommandCall,
  operands: readonly string[],
  change: (path: string, operand: string) => void | Promise<void>,
): Promise<number> {
  if (operands.length === 0) {
    await call.err(`${call.name}: Needs 1 argument (see "${call.name} --help")\n`);
    return 1;
  }
  let status = 0;
  for (const operand of operands) {
    try {
      await change(operandPath(call, operand), operand);
    } catch (error) {
      if (!(error instanceof PhoneFileError)) throw error;
      await call.err(`${call.name}: '${operand}': ${error.text}\n`);
      status = 1;
    }
  }
  return status;
}

const mkdir: Command = (call) => {
  const { flags, operands } = parseFlags(call.args, 'pv', 'm');
  const { files } = call.device;
  return forEachOperand(call, operands, (path) => (flags.has('p') ? files.mkdirs(path) : files.mkdir(path)));
};

const rm: Command = (call) => {
  const { flags, operands } = parseFlags(call.args, 'rRfiv');
  const { files } = call.device;
  const recursive = flags.has('r') || flags.has('R');
  const remove = (path: string): void => {
    if (files.lstat(path).kind !== 'directory') {
      files.unlink(path);
      return;
    }
    if (!recursive) throw new PhoneFileError('EISDIR', path);
    for (const name of files.readdir(path)) remove(`${path}/${name}`);
    files.rmdir(path);
  };
  if (operands.length === 0 && flags.has('f')) return 0;
  return forEachOperand(call, operands, (path) => {
    if (flags.has('f') && files.statIfAny(path, false) === undefined) return;
    remove(path);
  });
};

const rmdir: Command = (call) => forEachOperand(call, call.args, (path) => call.device.files.rmdir(path));

/** Where `cp` and `mv` put a source: inside the target when that is a folder. */
function destination(call: CommandCall, source: string, target: string): string {
  const path = operandPath(call, target);
  if (call.device.files.statIfAny(path)?.kind !== 'directory') return path;
  return `${path}/${source.replace(/\/+$/, '').split('/').at(-1) ?? ''}`;
}

async function copyFile(call: CommandCall, from: string, to: string): Promise<void> {
  const { files } = call.device;
  const found = files.stat(from);
  const reader = files.openRead(from);
  try {
    const writer = files.openWrite(to, 'w', found.mode & 0o777);
    try {
      const buffer = Buffer.allocUnsafe(COPY_BYTES);
      for (
        let read = await reader.read(buffer);
        read > 0 && !call.signal.aborted;
        read = await reader.read(buffer)
      )
        await writer.write(buffer.subarray(0, read));
    } finally {
      await writer.close();
    }
  } finally {
    await reader.close();
  }
}

const cp: Command = async (call) => {
  const { flags, operands } = parseFlags(call.args, 'rRafpdHLPv');
  const { files } = call.device;
  const recursive = flags.has('r') || flags.has('R') || flags.has('a');
  const keepsTimes = flags.has('p') || flags.has('a');
  const copy = async (from: string, to: string): Promise<void> => {
    if (files.stat(from).kind !== 'directory') await copyFile(call, from, to);
    else {
      if (!recursive) throw new PhoneFileError('EISDIR', from);
      files.mkdirs(to);
      for (const name of files.readdir(from)) await copy(`${from}/${name}`, `${to}/${name}`);
    }
    if (keepsTimes) files.setTimes(to, files.stat(from).mtimeMs);
  };
  const target = operands.at(-1);
  if (target === undefined || operands.length < 2) return forEachOperand(call, [], () => undefined);
  return forEachOperand(call, operands.slice(0, -1), (path, operand) =>
    copy(path, destination(call, operand, target)),
  );
};

const mv: Command = (call) => {
  const { operands } = parseFlags(call.args, 'finv');
  const target = operands.at(-1);
  if (target === undefined || operands.length < 2) return forEachOperand(call, [], () => undefined);
  return forEachOperand(call, operands.slice(0, -1), (path, operand) =>
    call.device.files.rename(path, destination(call, operand, target)),
  );
};

const touch: Command = (call) => {
  const { flags, values, operands } = parseFlags(call.args, 'cam', 'dtr');
  const { files } = call.device;
  const wanted = values.get('d');
  const mtimeMs =
    wanted === undefined
      ? Date.now()
      : wanted.startsWith('@')
        ? Number(wanted.slice(1)) * 1000
        : Date.parse(wanted);
  return forEachOperand(call, operands, async (path) => {
    if (Number.isNaN(mtimeMs)) throw new PhoneFileError('EINVAL', path);
    if (files.statIfAny(path) === undefined) {
      if (flags.has('c')) return;
      await files.openWrite(path, 'a').close();
    }
    files.setTimes(path, mtimeMs);
  });
};

/** Octal or symbolic (`u+x`, `a-w`, `go=r`) mode applied to old permission bits; undefined when it is neither. */
export function changedMode(text: string, old: number): number | undefined {
  if (/^[0-7]{1,4}$/.test(text)) return Number.parseInt(text, 8);
  let mode = old & 0o7777;
  for (const clause of text.split(',')) {
    const match = /^([ugoa]*)([-+=])([rwxX]*)$/.exec(clause);
    if (match === null) return undefined;
    const [, who = '', operator, what = ''] = match;
    const bits = (what.includes('r') ? 4 : 0) | (what.includes('w') ? 2 : 0) | (/x/i.test(what) ? 1 : 0);
    for (const [letter, shift] of [
      ['u', 6],
      ['g', 3],
      ['o', 0],
    ] as const) {
      if (who !== '' && !who.includes('a') && !who.includes(letter)) continue;
      if (operator === '=') mode &= ~(7 << shift);
      mode = operator === '-' ? mode & ~(bits << shift) : mode | (bits << shift);
    }
  }
  return mode;
}

const chmod: Command = async (call) => {
  const recursive = call.args[0] === '-R';
  const [mode = '', ...operands] = recursive ? call.args.slice(1) : call.args;
  const { files } = call.device;
  if (changedMode(mode, 0) === undefined) {
    await call.err(`chmod: bad mode '${mode}'\n`);
    return 1;
  }
  const change = (path: string): void => {
    const found = files.stat(path);
    files.chmod(path, changedMode(mode, found.mode) ?? 0);
    if (recursive && found.kind === 'directory')
      for (const name of files.readdir(path)) change(`${path}/${name}`);
  };
  return forEachOperand(call, operands, change);
};

const ln: Command = async (call) => {
  const { flags, operands } = parseFlags(call.args, 'sfnv');
  const [text, link = '.'] = operands;
  if (text === undefined || !flags.has('s')) {
    await call.err('ln: only symbolic links (-s) are supported\n');
    return 1;
  }
  return forEachOperand(call, [link], () => {
    const path = destination(call, text, link);
    if (flags.has('f') && call.device.files.statIfAny(path, false) !== undefined)
      call.device.files.unlink(path);
    call.device.files.symlink(text, path);
  });
};

/** Bytes of `10`, `4k`, `2M` and the like; undefined for other text. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+)([cbkmgKMG]?)$/.exec(text);
  if (match === null) return undefined;
  const unit =
    { '': 1, c: 1, b: 512, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[(match[2] ?? '').toLowerCase()] ?? 1;
  return Number(match[1]) * unit;
}

const truncate: Command = async (call) => {
  const { values, operands } = parseFlags(call.args, 'c', 's');
  const size = parseSize(values.get('s') ?? '');
  if (size === undefined) {
    await call.err('truncate: -s needs a size\n');
    return 1;
  }
  return forEachOperand(call, operands, (path) => call.device.files.truncate(path, size));
};

export const CHANGE_COMMANDS: readonly (readonly [string, Command])[] = [
  ['mkdir', mkdir],
  ['rm', rm],
  ['rmdir', rmdir],
  ['cp', cp],
  ['mv', mv],
  ['touch', touch],
  ['chmod', chmod],
  ['ln', ln],
  ['truncate', truncate],
  ['sync', () => 0],
];
