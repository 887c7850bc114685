import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { unwrap } from '../../../core/result.ts';
import { openHashCache } from '../../../electron/files/hash-cache.ts';
import { fileSetOf, type LocalFileSet } from '../../../electron/files/local-file-set.ts';
import { setFolder } from '../../../electron/push/phone-layout.ts';
import type { PhoneOptionsInput } from '../../../virtual-phone/index.ts';
import { embeddedDoor, type PhoneDoor } from '../phone-doors.ts';

export type Files = Record<string, Buffer>;

export const BIG = randomBytes(24_000_000);

/** A large file, a middling one, an empty one and two of the same content. */
export const mixedFiles = (): Files => ({
  'weights.bin': BIG,
  'graph.onnx': randomBytes(300_000),
  'deep/er/empty.txt': Buffer.alloc(0),
  'deep/twin.onnx': Buffer.from('same'),
  'twin.onnx': Buffer.from('same'),
});

/** A folder that each test of the file has anew. */
export function useFolder(): { readonly path: string } {
  const folder = { path: '' };
  beforeEach(async () => {
    folder.path = await mkdtemp(join(tmpdir(), 'bungee-push-'));
  });
  afterEach(() => rm(folder.path, { recursive: true, force: true }));
  return folder;
}

/** A virtual phone over its own adb server, for each test anew. */
export function useEmbeddedDoor(): {
  readonly current: PhoneDoor;
  /** Puts another phone in its place. */
  reopen(options: PhoneOptionsInput): Promise<void>;
} {
  let door: PhoneDoor;
  beforeEach(async () => {
    door = await embeddedDoor();
  });
  afterEach(() => door.close());
  return {
    get current() {
      return door;
    },
    reopen: async (options) => {
      await door.close();
      door = await embeddedDoor(options);
    },
  };
}

export async function makeSet(
  folder: string,
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

export async function expectOnPhone(door: PhoneDoor, set: LocalFileSet): Promise<void> {
  for (const file of set.files) {
    const there = await readFile(door.phone.hostPath(`${setFolder(set.id)}/${file.path}`));
    const local = await readFile(set.sources.get(file.path) ?? '');
    expect(there.equals(local), file.path).toBe(true);
  }
}

export async function phoneHas(door: PhoneDoor, path: string): Promise<boolean> {
  return stat(door.phone.hostPath(path)).then(
    () => true,
    () => false,
  );
}
