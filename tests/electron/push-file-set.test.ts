import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PushProgress } from '../../core/push.ts';
import { unwrap } from '../../core/result.ts';
import type { PhoneLink } from '../../electron/adb/phone-link.ts';
import { openHashCache } from '../../electron/files/hash-cache.ts';
import { fileSetOf, type LocalFileSet } from '../../electron/files/local-file-set.ts';
import { PHONE_ROOT, setFolder } from '../../electron/push/phone-layout.ts';
import { pushFileSet } from '../../electron/push/push-file-set.ts';
import { embeddedDoor, googleDoor, hasGoogleAdb, type PhoneDoor } from './phone-doors.ts';
import { until } from './until.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bungee-push-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

type Files = Record<string, Buffer>;

async function makeSet(
  name: string,
  files: Files,
  group: LocalFileSet['group'] = 'bundle',
): Promise<LocalFileSet> {
  const at = join(folder, name);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(at, path)), { recursive: true });
    await writeFile(join(at, path), content);
  }
  const hashes = await openHashCache(join(folder, 'hashes.json'));
  return unwrap(await fileSetOf(name, group, [{ local: at, at: '' }], hashes));
}

const big = randomBytes(24_000_000);
const files = (): Files => ({
  'weights.bin': big,
  'graph.onnx': randomBytes(300_000),
  'deep/er/empty.txt': Buffer.alloc(0),
  'deep/twin.onnx': Buffer.from('same'),
  'twin.onnx': Buffer.from('same'),
});

async function expectOnPhone(door: PhoneDoor, set: LocalFileSet): Promise<void> {
  for (const file of set.files) {
    const there = await readFile(door.phone.hostPath(`${setFolder(set.id)}/${file.path}`));
    const local = await readFile(set.sources.get(file.path) ?? '');
    expect(there.equals(local), file.path).toBe(true);
  }
}

async function phoneHas(door: PhoneDoor, path: string): Promise<boolean> {
  return stat(door.phone.hostPath(path)).then(
    () => true,
    () => false,
  );
}

/** Unplugs the phone once about `bytes` of standard input or file content went out. */
function cutAfter(door: PhoneDoor, bytes: number): PhoneLink {
  return {
    ...door.link,
    shell: (serial, command, options = {}) =>
      door.link.shell(serial, command, {
        ...options,
        onStdinBytes: (sent) => {
          options.onStdinBytes?.(sent);
          if (sent >= bytes) door.phone.unplug();
        },
      }),
  };
}

const doors = [
  { name: 'the embedded adb server', open: embeddedDoor, isThere: true },
  { name: "Google's adb server", open: googleDoor, isThere: await hasGoogleAdb() },
];

describe.each(doors)('pushing over $name', ({ open, isThere }) => {
  let door: PhoneDoor;
  beforeAll(async () => {
    if (isThere) door = await open();
  });
  afterAll(async () => {
    if (isThere) await door.close();
  });
  const onlyIfThere = test.skipIf(!isThere);

  onlyIfThere('puts a set in its place, reports progress and skips it the second time', async () => {
    const set = await makeSet('first', files());
    const seen: PushProgress[] = [];
    const first = unwrap(
      await pushFileSet(door.link, door.serial, set, { onProgress: (progress) => seen.push(progress) }),
    );
    await expectOnPhone(door, set);
    const bytes = set.files.reduce((sum, file) => sum + file.sizeBytes, 0) - 'same'.length;
    expect(first).toMatchObject({ bytes, filesSkipped: 1, bytesResumed: 0 });
    expect(seen.map((p) => p.phase)).toEqual(
      expect.arrayContaining(['checking', 'pushing', 'verifying', 'done']),
    );
    expect(seen.every((p, i) => i === 0 || p.phase === 'checking' || p.bytesDone <= p.bytesTotal)).toBe(true);
    const calls: string[] = [];
    const counting: PhoneLink = {
      ...door.link,
      shell: (serial, command, options) => {
        calls.push(command);
        return door.link.shell(serial, command, options);
      },
    };
    const second = unwrap(await pushFileSet(counting, door.serial, set));
    expect(second).toMatchObject({ bytes: 0, filesPushed: 0, filesSkipped: set.files.length });
    expect(calls).toHaveLength(1);
  });

  onlyIfThere(
    'unplugged in the middle: a failure, the old set whole, and the next push goes on from there',
    async () => {
      const old = await makeSet('old', { 'weights.bin': Buffer.from('old') });
      unwrap(await pushFileSet(door.link, door.serial, old));
      const set = await makeSet('cut', {
        'weights.bin': randomBytes(30_000_000),
        'small.txt': Buffer.from('s'),
      });
      const cut = await pushFileSet(cutAfter(door, 10_000_000), door.serial, set);
      expect(cut.ok ? null : cut.failure.code).toBe('phone-gone');
      expect(await phoneHas(door, setFolder(set.id))).toBe(false);
      await expectOnPhone(door, old);
      door.phone.plug();
      if (door.phone.adbdPort !== null) await door.link.connect(door.serial);
      await until('the phone answers', async () => (await door.link.shell(door.serial, 'true')).ok);
      const again = unwrap(await pushFileSet(door.link, door.serial, set));
      await expectOnPhone(door, set);
      expect(again.bytesResumed).toBeGreaterThan(1_000_000);
      expect(again.bytes + again.bytesResumed).toBe(30_000_001);
    },
  );
});

describe('pushing', () => {
  let door: PhoneDoor;
  beforeEach(async () => {
    door = await embeddedDoor();
  });
  afterEach(() => door.close());

  test('sends only what changed and takes the rest from the set before', async () => {
    const content = files();
    unwrap(await pushFileSet(door.link, door.serial, await makeSet('a', content)));
    const changed = await makeSet('b', { ...content, 'graph.onnx': Buffer.from('new graph') });
    const report = unwrap(await pushFileSet(door.link, door.serial, changed));
    expect(report).toMatchObject({ bytes: 'new graph'.length, filesPushed: 1 });
    await expectOnPhone(door, changed);
  });

  test('notices a file of the set that was altered on the phone and mends only that', async () => {
    const set = await makeSet('a', files());
    unwrap(await pushFileSet(door.link, door.serial, set));
    await writeFile(door.phone.hostPath(`${setFolder(set.id)}/graph.onnx`), 'vandalised');
    const report = unwrap(await pushFileSet(door.link, door.serial, set));
    expect(report.bytes).toBe(300_000);
    await expectOnPhone(door, set);
  });

  test('notices an altered file of the same size by its time', async () => {
    const set = await makeSet('a', { 'x.bin': Buffer.from('12345678') });
    unwrap(await pushFileSet(door.link, door.serial, set));
    const at = door.phone.hostPath(`${setFolder(set.id)}/x.bin`);
    await writeFile(at, '87654321');
    await utimes(at, new Date(), new Date(Date.now() - 5000));
    unwrap(await pushFileSet(door.link, door.serial, set));
    await expectOnPhone(door, set);
  });

  test('cancelled: failure `aborted`, and what arrived is kept', async () => {
    const set = await makeSet('a', { 'weights.bin': big });
    // 24 MB at 400 Mbit/s: half a second.
    await door.close();
    door = await embeddedDoor({ linkMbps: 400 });
    const abort = new AbortController();
    const pushing = pushFileSet(door.link, door.serial, set, {
      signal: abort.signal,
      onProgress: (progress) => {
        if (progress.bytesDone > 4_000_000) abort.abort();
      },
    });
    const result = await pushing;
    expect(result.ok ? null : result.failure.code).toBe('aborted');
    const again = unwrap(await pushFileSet(door.link, door.serial, set));
    expect(again.bytes + again.bytesResumed).toBe(big.length);
    expect(again.bytesResumed).toBeGreaterThan(0);
    await expectOnPhone(door, set);
  });

  test('damage on the way is found by its hash and sent again', async () => {
    const set = await makeSet('a', { 'weights.bin': randomBytes(3_000_000), 'b.txt': Buffer.from('b') });
    const other = join(folder, 'other.bin');
    await writeFile(other, randomBytes(3_000_000));
    let transfers = 0;
    const link: PhoneLink = {
      ...door.link,
      shell: (serial, command, options = {}) => {
        const isTransfer = command.startsWith('tee ') && transfers++ === 0;
        return door.link.shell(
          serial,
          command,
          isTransfer ? { ...options, stdin: { file: other, start: 0 } } : options,
        );
      },
    };
    unwrap(await pushFileSet(link, door.serial, set));
    expect(transfers).toBe(2);
    await expectOnPhone(door, set);
  });

  test('damage of what an earlier, cut push left is found when it is taken up', async () => {
    const set = await makeSet('a', { 'weights.bin': randomBytes(3_000_000) });
    const part = `${PHONE_ROOT}/objects/${set.files[0]?.sha256 ?? ''}.part`;
    unwrap(await door.link.push(door.serial, randomBytes(1_000_000), part));
    const report = unwrap(await pushFileSet(door.link, door.serial, set));
    expect(report.bytesResumed).toBe(1_000_000);
    await expectOnPhone(door, set);
  });

  test('damaged twice: failure `push-hash-mismatch` that names the file, and no set', async () => {
    const set = await makeSet('a', { 'weights.bin': randomBytes(3_000_000) });
    await writeFile(set.sources.get('weights.bin') ?? '', randomBytes(3_000_000));
    const result = await pushFileSet(door.link, door.serial, set);
    expect(result.ok ? null : result.failure).toMatchObject({
      code: 'push-hash-mismatch',
      message: expect.stringContaining('weights.bin') as string,
    });
    expect(await phoneHas(door, setFolder(set.id))).toBe(false);
  });

  test('too little space: refused before a byte travels, with figures and a remedy', async () => {
    door.phone.setStorageMib(30);
    const set = await makeSet('a', { 'weights.bin': big });
    const seen: PushProgress[] = [];
    const result = await pushFileSet(door.link, door.serial, set, { onProgress: (p) => seen.push(p) });
    expect(result.ok ? null : result.failure).toMatchObject({ code: 'phone-space' });
    if (!result.ok) expect(result.failure.message).toMatch(/needs 41 MB .* has \d+ MB free/);
    expect(seen.some((p) => p.phase === 'pushing')).toBe(false);
  });

  test('space is made by what no agent runs from, not by what is in use', async () => {
    const old = await makeSet('old', { 'weights.bin': randomBytes(24_000_000) });
    const used = await makeSet('used', { 'weights.bin': randomBytes(2_000_000) });
    unwrap(await pushFileSet(door.link, door.serial, old));
    unwrap(await pushFileSet(door.link, door.serial, used));
    door.phone.setStorageMib(62);
    const set = await makeSet('new', { 'weights.bin': big });
    unwrap(await pushFileSet(door.link, door.serial, set, { inUse: new Set([used.id]) }));
    expect(await phoneHas(door, setFolder(old.id))).toBe(false);
    await expectOnPhone(door, used);
    await expectOnPhone(door, set);
  });

  test('a disk that fills up on the way is said so', async () => {
    const set = await makeSet('a', { 'weights.bin': big });
    const link: PhoneLink = {
      ...door.link,
      shell: (serial, command, options) => {
        if (command.startsWith('tee ')) door.phone.setStorageMib(16);
        return door.link.shell(serial, command, options);
      },
    };
    const result = await pushFileSet(link, door.serial, set);
    expect(result.ok ? null : result.failure.code).toBe('phone-space');
  });

  test('keeps the last two sets of a group, and other groups alone', async () => {
    const sets = [];
    for (const name of ['1', '2', '3']) {
      const set = await makeSet(name, { 'a.txt': Buffer.from(name) });
      unwrap(await pushFileSet(door.link, door.serial, set));
      await setUsed(door, set, sets.length);
      sets.push(set);
    }
    const agent = await makeSet('agent', { 'agent.mjs': Buffer.from('//') }, 'agent');
    unwrap(await pushFileSet(door.link, door.serial, agent));
    const there = await Promise.all(sets.map((set) => phoneHas(door, setFolder(set.id))));
    expect(there).toEqual([false, true, true]);
    expect(await phoneHas(door, setFolder(agent.id))).toBe(true);
    const objects = unwrap(await door.link.shell(door.serial, `ls ${PHONE_ROOT}/objects`)).stdout;
    expect(objects.trim()).toBe('');
  });

  test('works where the phone forbids hard links: contents are copied', async () => {
    const link: PhoneLink = {
      ...door.link,
      shell: (serial, command, options = {}) => {
        const forbid = (text: string): string => text.replace(/\bln (-f )?/g, 'false ');
        const stdin = Buffer.isBuffer(options.stdin)
          ? Buffer.from(forbid(options.stdin.toString()))
          : options.stdin;
        return door.link.shell(serial, forbid(command), { ...options, stdin });
      },
    };
    const content = files();
    unwrap(await pushFileSet(link, door.serial, await makeSet('a', content)));
    const changed = await makeSet('b', { ...content, 'graph.onnx': Buffer.from('new graph') });
    expect(unwrap(await pushFileSet(link, door.serial, changed)).bytes).toBe('new graph'.length);
    await expectOnPhone(door, changed);
  });

  test('a half-assembled set of an earlier cut is completed', async () => {
    const set = await makeSet('a', files());
    const link: PhoneLink = {
      ...door.link,
      shell: (serial, command, options = {}) => {
        const script = Buffer.isBuffer(options.stdin) ? options.stdin.toString() : command;
        if (!script.includes('stat -c') || !script.includes('mv -f objects/'))
          return door.link.shell(serial, command, options);
        // The cut: everything after the first two moves never happens.
        const lines = script.split('\n');
        const first = lines.findIndex((line) => line.startsWith('mv -f objects/'));
        const part = [...lines.slice(0, first + 2), 'exit 9'].join('\n');
        return door.link.shell(serial, 'sh', { ...options, stdin: Buffer.from(part) });
      },
    };
    expect((await pushFileSet(link, door.serial, set)).ok).toBe(false);
    const again = unwrap(await pushFileSet(door.link, door.serial, set));
    expect(again.bytes).toBe(0);
    await expectOnPhone(door, set);
  });
});

test('names that do not suit a phone are refused when the set is made', async () => {
  await mkdir(join(folder, 'odd'), { recursive: true });
  await writeFile(join(folder, 'odd', 'a b.txt'), 'x');
  await symlink('/nowhere', join(folder, 'odd', 'dangling'));
  const hashes = await openHashCache(join(folder, 'hashes.json'));
  const made = await fileSetOf('odd', 'bundle', [{ local: join(folder, 'odd'), at: '' }], hashes);
  expect(made.ok ? null : made.failure.code).toBe('file-unreadable');
});

test('the hash cache reads an unchanged file once and a changed one again', async () => {
  const file = join(folder, 'f');
  await writeFile(file, 'one');
  const cache = await openHashCache(join(folder, 'hashes.json'));
  const first = await cache.sha256(file);
  await cache.save();
  const reopened = await openHashCache(join(folder, 'hashes.json'));
  expect(await reopened.sha256(file)).toEqual(first);
  await writeFile(file, 'two!');
  expect((await reopened.sha256(file)).sha256).not.toBe(first.sha256);
  await writeFile(join(folder, 'hashes.json'), '{ torn');
  expect((await (await openHashCache(join(folder, 'hashes.json'))).sha256(file)).sizeBytes).toBe(4);
});

/** Makes the order of use plain: the phone's clock has whole seconds. */
async function setUsed(door: PhoneDoor, set: LocalFileSet, order: number): Promise<void> {
  const at = new Date(Date.now() - 100_000 + order * 10_000);
  await utimes(door.phone.hostPath(`${setFolder(set.id)}/.bungee-stamp`), at, at);
}
