import { randomBytes } from 'node:crypto';
import { utimes, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PushProgress } from '../../core/push.ts';
import { unwrap } from '../../core/result.ts';
import type { PhoneLink } from '../../electron/adb/phone-link.ts';
import type { LocalFileSet } from '../../electron/files/local-file-set.ts';
import { PHONE_ROOT, setFolder } from '../../electron/push/phone-layout.ts';
import { pushFileSet } from '../../electron/push/push-file-set.ts';
import { embeddedDoor, googleDoor, hasGoogleAdb, type PhoneDoor } from './phone-doors.ts';
import {
  expectOnPhone,
  makeSet,
  mixedFiles,
  phoneHas,
  useEmbeddedDoor,
  useFolder,
} from './support/pushed-sets.ts';
import { until } from './until.ts';

const folder = useFolder();

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
    const set = await makeSet(folder.path, 'first', mixedFiles());
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
      const old = await makeSet(folder.path, 'old', { 'weights.bin': Buffer.from('old') });
      unwrap(await pushFileSet(door.link, door.serial, old));
      const set = await makeSet(folder.path, 'cut', {
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
  const door = useEmbeddedDoor();

  test('sends only what changed and takes the rest from the set before', async () => {
    const content = mixedFiles();
    unwrap(
      await pushFileSet(door.current.link, door.current.serial, await makeSet(folder.path, 'a', content)),
    );
    const changed = await makeSet(folder.path, 'b', { ...content, 'graph.onnx': Buffer.from('new graph') });
    const report = unwrap(await pushFileSet(door.current.link, door.current.serial, changed));
    expect(report).toMatchObject({ bytes: 'new graph'.length, filesPushed: 1 });
    await expectOnPhone(door.current, changed);
  });

  test('notices a file of the set that was altered on the phone and mends only that', async () => {
    const set = await makeSet(folder.path, 'a', mixedFiles());
    unwrap(await pushFileSet(door.current.link, door.current.serial, set));
    await writeFile(door.current.phone.hostPath(`${setFolder(set.id)}/graph.onnx`), 'vandalised');
    const report = unwrap(await pushFileSet(door.current.link, door.current.serial, set));
    expect(report.bytes).toBe(300_000);
    await expectOnPhone(door.current, set);
  });

  test('notices an altered file of the same size by its time', async () => {
    const set = await makeSet(folder.path, 'a', { 'x.bin': Buffer.from('12345678') });
    unwrap(await pushFileSet(door.current.link, door.current.serial, set));
    const at = door.current.phone.hostPath(`${setFolder(set.id)}/x.bin`);
    await writeFile(at, '87654321');
    await utimes(at, new Date(), new Date(Date.now() - 5000));
    unwrap(await pushFileSet(door.current.link, door.current.serial, set));
    await expectOnPhone(door.current, set);
  });

  test('keeps the last two sets of a group, and other groups alone', async () => {
    const sets = [];
    for (const name of ['1', '2', '3']) {
      const set = await makeSet(folder.path, name, { 'a.txt': Buffer.from(name) });
      unwrap(await pushFileSet(door.current.link, door.current.serial, set));
      await setUsed(door.current, set, sets.length);
      sets.push(set);
    }
    const agent = await makeSet(folder.path, 'agent', { 'agent.mjs': Buffer.from('//') }, 'agent');
    unwrap(await pushFileSet(door.current.link, door.current.serial, agent));
    const there = await Promise.all(sets.map((set) => phoneHas(door.current, setFolder(set.id))));
    expect(there).toEqual([false, true, true]);
    expect(await phoneHas(door.current, setFolder(agent.id))).toBe(true);
    const objects = unwrap(
      await door.current.link.shell(door.current.serial, `ls ${PHONE_ROOT}/objects`),
    ).stdout;
    expect(objects.trim()).toBe('');
  });

  test('works where the phone forbids hard links: contents are copied', async () => {
    const link: PhoneLink = {
      ...door.current.link,
      shell: (serial, command, options = {}) => {
        const forbid = (text: string): string => text.replace(/\bln (-f )?/g, 'false ');
        const stdin = Buffer.isBuffer(options.stdin)
          ? Buffer.from(forbid(options.stdin.toString()))
          : options.stdin;
        return door.current.link.shell(serial, forbid(command), { ...options, stdin });
      },
    };
    const content = mixedFiles();
    unwrap(await pushFileSet(link, door.current.serial, await makeSet(folder.path, 'a', content)));
    const changed = await makeSet(folder.path, 'b', { ...content, 'graph.onnx': Buffer.from('new graph') });
    expect(unwrap(await pushFileSet(link, door.current.serial, changed)).bytes).toBe('new graph'.length);
    await expectOnPhone(door.current, changed);
  });
});

/** Makes the order of use plain: the phone's clock has whole seconds. */
async function setUsed(door: PhoneDoor, set: LocalFileSet, order: number): Promise<void> {
  const at = new Date(Date.now() - 100_000 + order * 10_000);
  await utimes(door.phone.hostPath(`${setFolder(set.id)}/.bungee-stamp`), at, at);
}
