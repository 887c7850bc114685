import type { BundleFile } from '../../core/bundle-manifest.ts';
import { shellQuote } from '../adb/shell-protocol.ts';
import { parseFreeBytes } from '../devices/free-space.ts';
import { OBJECTS, PHONE_ROOT, SET_FILES, SET_STAMP, SETS, setFolder } from './phone-layout.ts';

/** A complete set on the phone, as its stamp files tell. */
export interface PhoneSet {
  readonly id: string;
  readonly group: string;
  /** Path -> hash, size and mtime at verification. */
  readonly files: ReadonlyMap<string, { readonly sha256: string; readonly stamp: string }>;
  /** Seconds since the epoch by the phone's clock. */
  readonly usedAtS: number;
}

export interface PhoneInventory {
  /** Name below `objects/` -> size and mtime. */
  readonly objects: ReadonlyMap<string, { readonly sizeBytes: number; readonly mtimeS: number }>;
  /** Paths that an interrupted assembly of the wanted set had placed, with their sizes. */
  readonly placed: ReadonlyMap<string, number>;
  readonly sets: readonly PhoneSet[];
  readonly hardLinks: boolean;
  readonly freeBytes: number | null;
  readonly nowS: number;
}

const STAT = `stat -c '%s %Y %n'`;

/**
 * One look for the usual cases: of a complete set its stamp and its files as they are now (and it is marked used),
 * else what {@link inventoryScript} tells.
 */
export function lookScript(setId: string, files: readonly BundleFile[]): string {
  const paths = files.map((file) => shellQuote(file.path)).join(' ');
  return [
    `if [ -f ${setFolder(setId)}/${SET_STAMP} ]; then`,
    `cd ${setFolder(setId)} || exit 1`,
    `cat ${SET_STAMP}`,
    `touch ${SET_STAMP}`,
    'echo ---',
    `${STAT} ${paths} 2>/dev/null`,
    'else',
    inventoryScript(setId, files),
    'fi',
  ].join('\n');
}

/** Whether the output of {@link lookScript} is that of an {@link inventoryScript}. */
export function hasInventory(stdout: string): boolean {
  return stdout.startsWith('#now');
}

/** Whether the output of {@link lookScript} says that every file is as it was when it was verified. */
export function isSetIntact(stdout: string, files: readonly BundleFile[]): boolean {
  const [stamp = '', now = ''] = stdout.split('---\n');
  const before = parseStamp(stamp);
  const after = parseStamp(now);
  return files.every(({ path, sizeBytes }) => {
    const line = after.get(path);
    return line !== undefined && line === before.get(path) && line.startsWith(`${sizeBytes} `);
  });
}

/** `<size> <mtime> <path>` lines by path. */
export function parseStamp(text: string): Map<string, string> {
  return new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const match = /^(\d+ \d+) (.+)$/.exec(line);
      return match === null ? [] : [[match[2] ?? '', match[1] ?? '']];
    }),
  );
}

/** Everything that a push has to know beforehand, in one round trip. */
export function inventoryScript(setId: string, files: readonly BundleFile[]): string {
  const paths = files.map((file) => shellQuote(file.path)).join(' ');
  const probe = `${OBJECTS}/.probe`;
  return [
    `mkdir -p ${OBJECTS} ${SETS} || exit 1`,
    `cd ${PHONE_ROOT} || exit 1`,
    'echo "#now"; date +%s',
    `echo "#df"; df -k ${PHONE_ROOT}`,
    `echo "#links"; echo x > ${probe}; ln ${probe} ${probe}2 2>/dev/null && echo yes; rm -f ${probe} ${probe}2`,
    `echo "#objects"; ${STAT} objects/* 2>/dev/null`,
    `for s in sets/*; do if [ -f $s/${SET_STAMP} ]; then echo "#set $s"; ${STAT} $s/${SET_STAMP}; cat $s/${SET_FILES}; echo "#stamp"; cat $s/${SET_STAMP}; fi; done`,
    `echo "#placed"; cd ${setFolder(setId)}.new 2>/dev/null && ${STAT} ${paths} 2>/dev/null`,
    'true',
  ].join('\n');
}

/** Output of {@link inventoryScript}. */
export function parseInventory(stdout: string): PhoneInventory {
  const sections = stdout.split(/^#/m).map((section): [string, string] => {
    const newline = section.indexOf('\n');
    return newline < 0 ? [section, ''] : [section.slice(0, newline), section.slice(newline + 1)];
  });
  const one = (name: string): string => sections.find(([title]) => title === name)?.[1] ?? '';
  const sets = sections.flatMap(([title, body], i): PhoneSet[] => {
    const id = /^set sets\/(\w+)$/.exec(title)?.[1];
    return id === undefined ? [] : [parseSet(id, body, sections[i + 1]?.[1] ?? '')];
  });
  return {
    objects: new Map(
      [...parseStamp(one('objects'))].map(([path, line]) => {
        const [size, mtime] = line.split(' ').map(Number);
        return [path.replace(/^objects\//, ''), { sizeBytes: size ?? 0, mtimeS: mtime ?? 0 }];
      }),
    ),
    placed: new Map([...parseStamp(one('placed'))].map(([path, line]) => [path, Number(line.split(' ')[0])])),
    sets,
    hardLinks: one('links').trim() === 'yes',
    freeBytes: parseFreeBytes(one('df')),
    nowS: Number(one('now').trim()) || 0,
  };
}

function parseSet(id: string, files: string, stampText: string): PhoneSet {
  const stamp = parseStamp(stampText);
  const found = new Map<string, { sha256: string; stamp: string }>();
  for (const match of files.matchAll(/^([0-9a-f]{64}) (.+)$/gm)) {
    const line = stamp.get(match[2] ?? '');
    if (line !== undefined) found.set(match[2] ?? '', { sha256: match[1] ?? '', stamp: line });
  }
  const used = /^\d+ (\d+) sets\//m.exec(files)?.[1];
  return {
    id,
    group: /^group (\w+)$/m.exec(files)?.[1] ?? '',
    files: found,
    usedAtS: Number(used ?? 0),
  };
}
