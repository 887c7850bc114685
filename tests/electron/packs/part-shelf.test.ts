import { chmod, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fail, ok, unwrap } from '../../../core/result.ts';
import { aptSource } from '../../../electron/packs/parts/apt-source.ts';
import { debFolder } from '../../../electron/packs/parts/deb-folder.ts';
import type { PartPin } from '../../../electron/packs/parts/part-pin.ts';
import {
  isOnShelf,
  obtainPart,
  type PartShelf,
  type PartSource,
} from '../../../electron/packs/parts/part-shelf.ts';
import { sha256Of } from './made-archives.ts';

const CONTENT = 'content of a part';
const signal = new AbortController().signal;
let folder: string;
let asked: string[];
let said: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bungee-parts-'));
  asked = [];
  said = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function source(content: string | null, mayDiffer: boolean): PartSource {
  return {
    mayDiffer,
    fetch: async ({ name }, work) => {
      asked.push(name);
      if (content === null) return fail('client-failed', 'apt-get says: no such package.');
      const path = join(work, 'file');
      await writeFile(path, content);
      return ok(path);
    },
  };
}

function shelf(npm: string | null, debian: string | null): PartShelf {
  return {
    dir: join(folder, 'parts'),
    say: (line) => said.push(line),
    sources: { npm: source(npm, false), debian: source(debian, true), termux: source(null, true) },
  };
}

const pin = (change: Partial<PartPin> = {}): PartPin => ({
  name: 'tiny',
  version: '1.0',
  licence: 'MIT',
  origin: 'npm',
  sizeBytes: CONTENT.length,
  sha256: sha256Of(CONTENT),
  ...change,
});

test('a part is fetched once, checked, and kept under its hash', async () => {
  const first = unwrap(await obtainPart(pin(), shelf(CONTENT, null), signal));
  expect(first.part).toEqual({
    name: 'tiny',
    version: '1.0',
    licence: 'MIT',
    source: 'npm: tiny',
    sizeBytes: CONTENT.length,
    sha256: sha256Of(CONTENT),
  });
  expect(await readFile(first.path, 'utf8')).toBe(CONTENT);
  expect(await isOnShelf(join(folder, 'parts'), pin())).toBe(true);
  const second = unwrap(await obtainPart(pin(), shelf(null, null), signal));
  expect(second).toEqual(first);
  expect(asked).toEqual(['tiny']);
  expect(await readdir(join(folder, 'parts'))).toEqual([sha256Of(CONTENT)]);
});

test('other content than pinned is refused, and nothing of it is kept', async () => {
  const got = await obtainPart(pin(), shelf('something else', null), signal);
  expect(got.ok ? null : got.failure).toMatchObject({
    code: 'pack-part-wrong',
    message: expect.stringContaining(sha256Of('something else')) as string,
  });
  expect(await readdir(join(folder, 'parts'))).toEqual([]);
});

test('an archive that replaces its packages may give another version, which is said', async () => {
  const got = unwrap(await obtainPart(pin({ origin: 'debian' }), shelf(null, 'newer'), signal));
  expect(got.part.sha256).toBe(sha256Of('newer'));
  expect(said.join()).toContain('another version');
});

test('a kept part that was damaged is fetched again', async () => {
  const { path } = unwrap(await obtainPart(pin(), shelf(CONTENT, null), signal));
  await writeFile(path, CONTENT.replace('part', 'trap'));
  const again = unwrap(await obtainPart(pin(), shelf(CONTENT, null), signal));
  expect(await readFile(again.path, 'utf8')).toBe(CONTENT);
  expect(asked).toEqual(['tiny', 'tiny']);
});

test('a part that nothing gives is named in one line, with what to do', async () => {
  const got = await obtainPart(
    pin({ origin: 'termux', version: null, sha256: null }),
    shelf(null, null),
    signal,
  );
  expect(got.ok ? null : got.failure).toMatchObject({
    code: 'pack-part-missing',
    message: 'Missing part tiny (Termux, aarch64: tiny): apt-get says: no such package.',
    remedy: expect.stringContaining('--termux-packages') as string,
  });
});

test('a folder gives the wanted version of a package, else the newest, for the right processor', async () => {
  for (const name of ['a_1_arm64.deb', 'a_2_arm64.deb', 'a_3_amd64.deb', 'ab_9_arm64.deb', 'c_1_all.deb'])
    await writeFile(join(folder, name), name);
  const brought = debFolder(folder, 'arm64');
  const get = async (name: string, version: string | null): Promise<string> => {
    const fetched = await brought.fetch(pin({ name, version }), folder, signal);
    return fetched.ok ? readFile(fetched.value, 'utf8') : fetched.failure.message;
  };
  expect(await get('a', '1')).toBe('a_1_arm64.deb');
  expect(await get('a', null)).toBe('a_2_arm64.deb');
  expect(await get('c', null)).toBe('c_1_all.deb');
  expect(await get('d', null)).toContain('holds no d_*_arm64.deb');
});

describe.skipIf(process.platform === 'win32')('apt-get', () => {
  const path = process.env['PATH'] ?? '';
  afterEach(() => {
    process.env['PATH'] = path;
  });

  async function fakeApt(script: string): Promise<void> {
    await writeFile(join(folder, 'apt-get'), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, 'apt-get'), 0o755);
    process.env['PATH'] = `${folder}${delimiter}${path}`;
  }

  test('is asked in folders of our own, for the pinned version and else for the newest', async () => {
    await fakeApt(
      `echo "$@" >> ${folder}/calls; case "$*" in *download*tiny=*) echo "E: Version '1.0' for 'tiny' was not found" >&2; exit 100;; *download*) echo newest > tiny_2_arm64.deb;; esac`,
    );
    const work = await mkdtemp(join(folder, 'work-'));
    const apt = aptSource(join(folder, 'apt'), 'arm64');
    expect(await readFile(unwrap(await apt.fetch(pin(), work, signal)), 'utf8')).toBe('newest\n');
    const calls = (await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n');
    expect(
      calls.map((call) => call.slice(call.lastIndexOf('APT::Sandbox')).split(' ').slice(1).join(' ')),
    ).toEqual(['update -qq', 'download -qq tiny=1.0', 'download -qq tiny']);
    for (const call of calls) {
      expect(call).toContain('-o APT::Architecture=arm64');
      expect(call).toContain(`-o Dir::State=${join(folder, 'apt', 'state')}`);
    }
  });

  test('that has no such package says so in its own words', async () => {
    await fakeApt('case "$*" in *download*) echo "E: Unable to locate package tiny" >&2; exit 100;; esac');
    const work = await mkdtemp(join(folder, 'work-'));
    const got = await aptSource(join(folder, 'apt'), 'arm64').fetch(pin(), work, signal);
    expect(got.ok ? null : got.failure.message).toBe('apt-get says: E: Unable to locate package tiny');
  });

  test('that is not there is said', async () => {
    process.env['PATH'] = folder;
    const got = await aptSource(join(folder, 'apt'), 'arm64').fetch(pin(), folder, signal);
    expect(got.ok ? null : got.failure.code).toBe('client-missing');
  });
});
