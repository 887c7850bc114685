import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { unwrap } from '../../../core/result.ts';
import { readAr } from '../../../electron/packs/archive/ar-archive.ts';
import { followLinks } from '../../../electron/packs/archive/archive-files.ts';
import { readDeb } from '../../../electron/packs/archive/deb-package.ts';
import { readTar } from '../../../electron/packs/archive/tar-archive.ts';
import { readZipMember } from '../../../electron/packs/archive/zip-member.ts';
import { makeAr, makeDeb, makeTar, makeZip } from './made-archives.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bungee-archives-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function file(content: Buffer): Promise<string> {
  const path = join(folder, 'package.deb');
  await writeFile(path, content);
  return path;
}

const everything = (): boolean => true;

test('an ar archive gives its members, of odd length too', () => {
  const members = unwrap(
    readAr(
      makeAr([
        ['one/', Buffer.from('abc')],
        ['two', Buffer.from('de')],
      ]),
      'x',
    ),
  );
  expect([...members].map(([name, bytes]) => [name, bytes.toString()])).toEqual([
    ['one', 'abc'],
    ['two', 'de'],
  ]);
});

test.each([
  ['no archive at all', Buffer.from('PK\x03\x04 something else')],
  ['cut in a member', makeAr([['one', Buffer.alloc(100)]]).subarray(0, 90)],
  ['cut in a header', makeAr([['one', Buffer.alloc(4)]]).subarray(0, 30)],
])('an ar archive that is %s is refused', (_what, bytes) => {
  const read = readAr(bytes, 'it');
  expect(read.ok ? null : read.failure.code).toBe('archive-unreadable');
});

describe('a Debian package', () => {
  test('tells its name and version and gives wanted files, over links', async () => {
    const deb = makeDeb('libfoo', '1:2.3-4', [
      { path: 'usr/lib/libfoo.so.2.3', content: 'library' },
      { path: 'usr/lib/libfoo.so.2', link: 'libfoo.so.2.3' },
      { path: 'usr/lib/other/libfoo.so', link: '../libfoo.so.2' },
      { path: 'usr/lib/absolute.so', link: '/usr/lib/libfoo.so.2' },
      { path: 'usr/lib/dangling.so', link: 'gone.so' },
      { path: 'usr/lib/circle.so', link: 'circle.so' },
      { path: 'usr/share/large', content: 'x'.repeat(3000) },
    ]);
    const { name, version, architecture, files } = unwrap(
      await readDeb(await file(deb), (path) => path.startsWith('usr/lib/')),
    );
    expect({ name, version, architecture }).toEqual({
      name: 'libfoo',
      version: '1:2.3-4',
      architecture: 'aarch64',
    });
    const read = (path: string): string | null => followLinks(files, path)?.toString() ?? null;
    expect(read('usr/lib/libfoo.so.2')).toBe('library');
    expect(read('usr/lib/other/libfoo.so')).toBe('library');
    expect(read('usr/lib/absolute.so')).toBe('library');
    expect(read('usr/lib/dangling.so')).toBeNull();
    expect(read('usr/lib/circle.so')).toBeNull();
    expect(files.has('usr/share/large')).toBe(false);
  });

  // Made by GNU tar and xz: `control` with the three fields.
  const XZ_CONTROL =
    '/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4Cf/AJFdABcLyOfZ5dHD1ZV9QtvcDlxs1FkS8qLyVMdLWoJcz8u3YNVBpOhhpH3npFnxPLFB+Az8CWF1YxMZUP1t2Oi/BUQjI/NUcG8i0mE2RAybCKpODA7bPYsmFNuoV0ThDufAgNsxsYiPVBQFbTikdU2FXqxUTF4uh9TICZHUDfSxvBKADlbLTtoguzkDAtA18Whs6QAAAAAAAwhdpCdqICYAAa0BgFAAANZnUtqxxGf7AgAAAAAEWVo=';

  test('is read with the compression that Debian uses', async () => {
    const xz = Buffer.from(XZ_CONTROL, 'base64');
    const deb = makeAr([
      ['debian-binary', Buffer.from('2.0\n')],
      ['control.tar.xz', xz],
      ['data.tar', makeTar([{ path: 'a', content: 'b' }])],
    ]);
    const read = unwrap(await readDeb(await file(deb), everything));
    expect(read).toMatchObject({ name: 'tiny', version: '1.2-3', architecture: 'arm64' });
    const damaged = Buffer.from(xz);
    damaged.fill(0, 40, 60);
    const broken = makeAr([
      ['control.tar.xz', damaged],
      ['data.tar', makeTar([])],
    ]);
    expect((await readDeb(await file(broken), everything)).ok).toBe(false);
  });

  test.each([
    ['is not there', null],
    ['has no data', makeAr([['control.tar', makeTar([{ path: 'control', content: 'Package: x\n' }])]])],
    ['is compressed by something new', makeAr([['control.tar.brand-new', Buffer.alloc(4)]])],
    [
      'says nothing of itself',
      makeAr([
        ['control.tar', makeTar([{ path: 'control', content: 'Description: none\n' }])],
        ['data.tar', makeTar([])],
      ]),
    ],
  ])('that %s is refused in one line', async (_what, bytes) => {
    const path = bytes === null ? join(folder, 'gone.deb') : await file(bytes);
    const read = await readDeb(path, everything);
    expect(read.ok ? null : read.failure.code).toBe('archive-unreadable');
    expect(read.ok ? '' : read.failure.message).not.toContain('\n');
  });
});

test('a tar archive that ends early is refused', async () => {
  const whole = makeTar([{ path: 'a', content: 'x'.repeat(5000) }]);
  const read = await readTar(whole.subarray(0, 2000), 'it', everything);
  expect(read.ok ? null : read.failure.code).toBe('archive-unreadable');
});

test('a zip archive gives one file', () => {
  const content = Buffer.from('library '.repeat(100));
  const zip = makeZip('jni/arm64-v8a/libonnxruntime.so', content);
  expect(unwrap(readZipMember(zip, 'jni/arm64-v8a/libonnxruntime.so', 'it'))).toEqual(content);
  const other = readZipMember(zip, 'jni/x86_64/libonnxruntime.so', 'it');
  expect(other.ok ? null : other.failure.code).toBe('archive-member-missing');
  expect(readZipMember(Buffer.from('no zip'), 'a', 'it').ok).toBe(false);
});
