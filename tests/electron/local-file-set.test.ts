import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openHashCache } from '../../electron/files/hash-cache.ts';
import { fileSetOf } from '../../electron/files/local-file-set.ts';
import { useFolder } from './support/pushed-sets.ts';

const folder = useFolder();

test('names that do not suit a phone are refused when the set is made', async () => {
  await mkdir(join(folder.path, 'odd'), { recursive: true });
  await writeFile(join(folder.path, 'odd', 'a b.txt'), 'x');
  await symlink('/nowhere', join(folder.path, 'odd', 'dangling'));
  const hashes = await openHashCache(join(folder.path, 'hashes.json'));
  const made = await fileSetOf('odd', 'bundle', [{ local: join(folder.path, 'odd'), at: '' }], hashes);
  expect(made.ok ? null : made.failure.code).toBe('file-unreadable');
});

test('the hash cache reads an unchanged file once and a changed one again', async () => {
  const file = join(folder.path, 'f');
  await writeFile(file, 'one');
  const cache = await openHashCache(join(folder.path, 'hashes.json'));
  const first = await cache.sha256(file);
  await cache.save();
  const reopened = await openHashCache(join(folder.path, 'hashes.json'));
  expect(await reopened.sha256(file)).toEqual(first);
  await writeFile(file, 'two!');
  expect((await reopened.sha256(file)).sha256).not.toBe(first.sha256);
  await writeFile(join(folder.path, 'hashes.json'), '{ torn');
  expect((await (await openHashCache(join(folder.path, 'hashes.json'))).sha256(file)).sizeBytes).toBe(4);
});
