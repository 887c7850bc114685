import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PushProgress } from '../../core/push.ts';
import { unwrap } from '../../core/result.ts';
import type { PhoneLink } from '../../electron/adb/phone-link.ts';
import { PHONE_ROOT, setFolder } from '../../electron/push/phone-layout.ts';
import { pushFileSet } from '../../electron/push/push-file-set.ts';
import {
  BIG,
  expectOnPhone,
  makeSet,
  mixedFiles,
  phoneHas,
  useEmbeddedDoor,
  useFolder,
} from './support/pushed-sets.ts';

const folder = useFolder();
const door = useEmbeddedDoor();

test('cancelled: failure `aborted`, and what arrived is kept', async () => {
  const set = await makeSet(folder.path, 'a', { 'weights.bin': BIG });
  // 24 MB at 400 Mbit/s: half a second.
  await door.reopen({ linkMbps: 400 });
  const abort = new AbortController();
  const pushing = pushFileSet(door.current.link, door.current.serial, set, {
    signal: abort.signal,
    onProgress: (progress) => {
      if (progress.bytesDone > 4_000_000) abort.abort();
    },
  });
  const result = await pushing;
  expect(result.ok ? null : result.failure.code).toBe('aborted');
  const again = unwrap(await pushFileSet(door.current.link, door.current.serial, set));
  expect(again.bytes + again.bytesResumed).toBe(BIG.length);
  expect(again.bytesResumed).toBeGreaterThan(0);
  await expectOnPhone(door.current, set);
});

test('damage on the way is found by its hash and sent again', async () => {
  const set = await makeSet(folder.path, 'a', {
    'weights.bin': randomBytes(3_000_000),
    'b.txt': Buffer.from('b'),
  });
  const other = join(folder.path, 'other.bin');
  await writeFile(other, randomBytes(3_000_000));
  let transfers = 0;
  const link: PhoneLink = {
    ...door.current.link,
    shell: (serial, command, options = {}) => {
      const isTransfer = command.startsWith('tee ') && transfers++ === 0;
      return door.current.link.shell(
        serial,
        command,
        isTransfer ? { ...options, stdin: { file: other, start: 0 } } : options,
      );
    },
  };
  unwrap(await pushFileSet(link, door.current.serial, set));
  expect(transfers).toBe(2);
  await expectOnPhone(door.current, set);
});

test('damage of what an earlier, cut push left is found when it is taken up', async () => {
  const set = await makeSet(folder.path, 'a', { 'weights.bin': randomBytes(3_000_000) });
  const part = `${PHONE_ROOT}/objects/${set.files[0]?.sha256 ?? ''}.part`;
  unwrap(await door.current.link.push(door.current.serial, randomBytes(1_000_000), part));
  const report = unwrap(await pushFileSet(door.current.link, door.current.serial, set));
  expect(report.bytesResumed).toBe(1_000_000);
  await expectOnPhone(door.current, set);
});

test('damaged twice: failure `push-hash-mismatch` that names the file, and no set', async () => {
  const set = await makeSet(folder.path, 'a', { 'weights.bin': randomBytes(3_000_000) });
  await writeFile(set.sources.get('weights.bin') ?? '', randomBytes(3_000_000));
  const result = await pushFileSet(door.current.link, door.current.serial, set);
  expect(result.ok ? null : result.failure).toMatchObject({
    code: 'push-hash-mismatch',
    message: expect.stringContaining('weights.bin') as string,
  });
  expect(await phoneHas(door.current, setFolder(set.id))).toBe(false);
});

test('a half-assembled set of an earlier cut is completed', async () => {
  const set = await makeSet(folder.path, 'a', mixedFiles());
  const link: PhoneLink = {
    ...door.current.link,
    shell: (serial, command, options = {}) => {
      const script = Buffer.isBuffer(options.stdin) ? options.stdin.toString() : command;
      if (!script.includes('stat -c') || !script.includes('mv -f objects/'))
        return door.current.link.shell(serial, command, options);
      // The cut: everything after the first two moves never happens.
      const lines = script.split('\n');
      const first = lines.findIndex((line) => line.startsWith('mv -f objects/'));
      const part = [...lines.slice(0, first + 2), 'exit 9'].join('\n');
      return door.current.link.shell(serial, 'sh', { ...options, stdin: Buffer.from(part) });
    },
  };
  expect((await pushFileSet(link, door.current.serial, set)).ok).toBe(false);
  const again = unwrap(await pushFileSet(door.current.link, door.current.serial, set));
  expect(again.bytes).toBe(0);
  await expectOnPhone(door.current, set);
});

test('too little space: refused before a byte travels, with figures and a remedy', async () => {
  door.current.phone.setStorageMib(30);
  const set = await makeSet(folder.path, 'a', { 'weights.bin': BIG });
  const seen: PushProgress[] = [];
  const result = await pushFileSet(door.current.link, door.current.serial, set, {
    onProgress: (p) => seen.push(p),
  });
  expect(result.ok ? null : result.failure).toMatchObject({ code: 'phone-space' });
  if (!result.ok) expect(result.failure.message).toMatch(/needs 41 MB .* has \d+ MB free/);
  expect(seen.some((p) => p.phase === 'pushing')).toBe(false);
});

test('space is made by what no agent runs from, not by what is in use', async () => {
  const old = await makeSet(folder.path, 'old', { 'weights.bin': randomBytes(24_000_000) });
  const used = await makeSet(folder.path, 'used', { 'weights.bin': randomBytes(2_000_000) });
  unwrap(await pushFileSet(door.current.link, door.current.serial, old));
  unwrap(await pushFileSet(door.current.link, door.current.serial, used));
  door.current.phone.setStorageMib(62);
  const set = await makeSet(folder.path, 'new', { 'weights.bin': BIG });
  unwrap(await pushFileSet(door.current.link, door.current.serial, set, { inUse: new Set([used.id]) }));
  expect(await phoneHas(door.current, setFolder(old.id))).toBe(false);
  await expectOnPhone(door.current, used);
  await expectOnPhone(door.current, set);
});

test('a disk that fills up on the way is said so', async () => {
  const set = await makeSet(folder.path, 'a', { 'weights.bin': BIG });
  const link: PhoneLink = {
    ...door.current.link,
    shell: (serial, command, options) => {
      if (command.startsWith('tee ')) door.current.phone.setStorageMib(16);
      return door.current.link.shell(serial, command, options);
    },
  };
  const result = await pushFileSet(link, door.current.serial, set);
  expect(result.ok ? null : result.failure.code).toBe('phone-space');
});
