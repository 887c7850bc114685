import { PhoneFileError } from '../../files/errno.ts';
import type { PhoneStat } from '../../files/phone-stat.ts';
import { operandPath, parseFlags, type Command, type CommandCall } from '../command.ts';

const TYPE_LETTER = { file: '-', directory: 'd', symlink: 'l', device: 'c' } as const;

/** Permissions as `ls -l` shows them, e.g. `-rw-r--r--`. */
export function modeText(stat: PhoneStat): string {
  const bits = [0o400, 0o200, 0o100, 0o40, 0o20, 0o10, 0o4, 0o2, 0o1];
  return (
    TYPE_LETTER[stat.kind] +
    bits.map((bit, index) => ((stat.mode & bit) === 0 ? '-' : 'rwx'[index % 3])).join('')
  );
}

function localMinute(mtimeMs: number): string {
  return new Date(mtimeMs).toISOString().slice(0, 16).replace('T', ' ');
}

/** Sizes as `ls -h` and `df -h` of toybox: one digit after the point below ten. */
export function humanSize(bytes: number): string {
  let value = bytes;
  let unit = '';
  for (const next of ['K', 'M', 'G', 'T']) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  return `${unit === '' ? String(value) : value < 10 ? value.toFixed(1) : String(Math.round(value))}${unit}`;
}

interface Listed {
  readonly name: string;
  readonly stat: PhoneStat;
  readonly target?: string;
}

function longLines(entries: readonly Listed[], human: boolean): string {
  const rows = entries.map(({ name, stat, target }) => [
    modeText(stat),
    String(stat.links),
    stat.owner.user,
    stat.owner.group,
    human ? humanSize(stat.sizeBytes) : String(stat.sizeBytes),
    `${localMinute(stat.mtimeMs)} ${name}${target === undefined ? '' : ` -> ${target}`}`,
  ]);
  const width = (column: number): number => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0));
  const widths = [0, 1, 2, 3, 4].map(width);
  return rows
    .map(
      ([mode = '', links = '', user = '', group = '', size = '', rest = '']) =>
        `${mode} ${links.padStart(widths[1] ?? 0)} ${user.padEnd(widths[2] ?? 0)} ${group.padEnd(widths[3] ?? 0)} ${size.padStart(widths[4] ?? 0)} ${rest}\n`,
    )
    .join('');
}

const ls: Command = async (call) => {
  const { flags, operands, unknown } = parseFlags(call.args, 'la1dAhRtSrFiZ');
  if (unknown !== undefined) {
    await call.err(`ls: Unknown option '${unknown}' (see "ls --help")\n`);
    return 1;
  }
  const { files } = call.device;
  const list = (path: string, name: string, follow: boolean): Listed => {
    const stat = follow ? files.stat(path) : files.lstat(path);
    return stat.kind === 'symlink' ? { name, stat, target: files.readlink(path) } : { name, stat };
  };
  const show = (entries: readonly Listed[]): string =>
    flags.has('l') ? longLines(entries, flags.has('h')) : entries.map((entry) => `${entry.name}\n`).join('');
  let status = 0;
  const plain: Listed[] = [];
  const folders: string[] = [];
  for (const operand of operands.length === 0 ? ['.'] : operands) {
    try {
      const path = operandPath(call, operand);
      const followed =
        flags.has('d') || (flags.has('l') && !operand.endsWith('/')) ? files.lstat(path) : files.stat(path);
      if (followed.kind === 'directory' && !flags.has('d')) folders.push(operand);
      else plain.push(list(path, operand, false));
    } catch (error) {
      status = await complain(call, operand, error);
    }
  }
  await call.out(show(plain));
  for (const [index, folder] of folders.entries()) {
    try {
      const path = operandPath(call, folder);
      let names = files.readdir(path);
      if (flags.has('a')) names = ['.', '..', ...names];
      else if (!flags.has('A')) names = names.filter((name) => !name.startsWith('.'));
      const entries: Listed[] = [];
      for (const name of names) {
        try {
          entries.push(list(`${path}/${name}`, name, false));
        } catch (error) {
          if (!(error instanceof PhoneFileError)) throw error; // It vanished after the folder was read.
        }
      }
      if (flags.has('t')) entries.sort((a, b) => b.stat.mtimeMs - a.stat.mtimeMs);
      if (flags.has('S')) entries.sort((a, b) => b.stat.sizeBytes - a.stat.sizeBytes);
      if (flags.has('r')) entries.reverse();
      if (folders.length + plain.length > 1)
        await call.out(`${index > 0 || plain.length > 0 ? '\n' : ''}${folder}:\n`);
      const blocks = entries.reduce((sum, entry) => sum + entry.stat.blocks, 0);
      if (flags.has('l')) await call.out(`total ${Math.ceil(blocks / 2)}\n`);
      await call.out(show(entries));
    } catch (error) {
      status = await complain(call, folder, error);
    }
  }
  return status;
};

async function complain(call: CommandCall, operand: string, error: unknown): Promise<number> {
  if (!(error instanceof PhoneFileError)) throw error;
  await call.err(`${call.name}: ${operand}: ${error.text}\n`);
  return 1;
}

const STAT_FORMAT: Readonly<Record<string, (stat: PhoneStat, name: string) => string>> = {
  n: (_stat, name) => name,
  s: (stat) => String(stat.sizeBytes),
  Y: (stat) => String(Math.floor(stat.mtimeMs / 1000)),
  y: (stat) => new Date(stat.mtimeMs).toISOString().replace('T', ' ').replace('Z', '000000 +0000'),
  a: (stat) => (stat.mode & 0o7777).toString(8),
  A: (stat) => modeText(stat),
  f: (stat) => stat.mode.toString(16),
  u: (stat) => String(stat.owner.uid),
  g: (stat) => String(stat.owner.gid),
  U: (stat) => stat.owner.user,
  G: (stat) => stat.owner.group,
  h: (stat) => String(stat.links),
  i: (stat) => String(stat.inode),
  b: (stat) => String(stat.blocks),
  B: () => '512',
  F: (stat) =>
    ({ file: 'regular file', directory: 'directory', symlink: 'symbolic link', device: 'character device' })[
      stat.kind
    ],
};

const stat: Command = async (call) => {
  const { flags, values, operands } = parseFlags(call.args, 'L', 'c');
  const format =
    values.get('c') ??
    '  File: %n\n  Size: %s\t Blocks: %b\t IO Blocks: 512\t%F\nAccess: (0%a/%A)\tUid: (%u/%U)\tGid: (%g/%G)\nModify: %y';
  let status = 0;
  for (const operand of operands) {
    try {
      const path = operandPath(call, operand);
      const found = flags.has('L') ? call.device.files.stat(path) : call.device.files.lstat(path);
      await call.out(
        `${format.replaceAll(/%(.)/g, (whole, letter: string) => STAT_FORMAT[letter]?.(found, operand) ?? whole)}\n`,
      );
    } catch (error) {
      if (!(error instanceof PhoneFileError)) throw error;
      await call.err(`stat: '${operand}': ${error.text}\n`);
      status = 1;
    }
  }
  return status;
};

const df: Command = async (call) => {
  const { flags } = parseFlags(call.args, 'hkHPa');
  const { capacityBytes, usedBytes, freeBytes } = call.device.files.meter.figures();
  const show = (bytes: number): string =>
    flags.has('h') ? humanSize(bytes) : String(Math.floor(bytes / 1024));
  const percent = `${Math.ceil((usedBytes * 100) / Math.max(1, usedBytes + freeBytes))}%`;
  const header = flags.has('h')
    ? ['Size', 'Used', 'Avail', 'Use%']
    : ['1K-blocks', 'Used', 'Available', 'Use%'];
  const row = [show(capacityBytes), show(usedBytes), show(freeBytes), percent];
  const cells = (texts: readonly string[]): string =>
    texts
      .map((text, index) => text.padStart(Math.max(header[index]?.length ?? 0, row[index]?.length ?? 0)))
      .join(' ');
  const device = '/dev/block/dm-50';
  await call.out(
    `${'Filesystem'.padEnd(device.length)} ${cells(header)} Mounted on\n${device} ${cells(row)} /data\n`,
  );
  return 0;
};

const du: Command = async (call) => {
  const { flags, operands } = parseFlags(call.args, 'shkmabc');
  const { files } = call.device;
  let status = 0;
  const measure = (path: string): number => {
    const found = files.lstat(path);
    if (found.kind !== 'directory') return found.blocks * 512;
    return files.readdir(path).reduce((sum, name) => sum + measure(`${path}/${name}`), found.blocks * 512);
  };
  for (const operand of operands.length === 0 ? ['.'] : operands) {
    try {
      const bytes = measure(operandPath(call, operand));
      await call.out(
        `${flags.has('h') ? humanSize(bytes) : Math.ceil(bytes / (flags.has('m') ? 1024 * 1024 : 1024))}\t${operand}\n`,
      );
    } catch (error) {
      status = await complain(call, operand, error);
    }
  }
  return status;
};

export const LISTING_COMMANDS: readonly (readonly [string, Command])[] = [
  ['ls', ls],
  ['stat', stat],
  ['df', df],
  ['du', du],
];
