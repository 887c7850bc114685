import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { describeFailure, unwrap } from '../../../core/result.ts';
import { androidOnnxruntime } from '../../../electron/packs/android-onnxruntime.ts';
import { openShelf } from '../../../electron/packs/parts/part-sources.ts';
import { buildBinding } from '../../../scripts/native/build-binding.ts';
import { bindingFolder, stockPackage } from '../../../scripts/native/package-with-binding.ts';
import { cacheFolder } from '../../../scripts/shared/folders.ts';
import { arm64Pack } from '../../e2e/arm64-pack.ts';
import { bareDevice, runShell } from '../../virtual-phone/harness.ts';
import { ARM64_MACHINE, buildBionicLibraries } from '../android/bionic-libraries.ts';
import { undefinedFunctions } from '../android/undefined-functions.ts';
import { buildPackage } from './built-binding.ts';

const PHONE_PACK = '/data/local/tmp/pack';

/** What Android's ONNX Runtime, older than npm's, says or writes in another way by itself. */
const OTHER_VERSION = [
  'a given output of another shape',
  'weights that are nowhere',
  'an optimized model is written',
];

const verdictSchema = z.object({ cases: z.number(), differences: z.array(z.object({ name: z.string() })) });

/** Android's library for 64-bit phones; null where npm does not bring it, which is said and fails in CI. */
async function androidLibrary(): Promise<Buffer | null> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const shelf = openShelf(cacheFolder('packs'), { debian: null, termux: null }, say);
  const brought = await androidOnnxruntime(shelf, null, AbortSignal.timeout(200_000));
  if (brought.ok) return brought.value.library;
  say(`SKIPPED: Android's ONNX Runtime is not run: ${describeFailure(brought.failure)}`);
  if (process.env['CI'] === 'true') throw new Error('CI runs Android’s ONNX Runtime');
  return null;
}

const packDir = await arm64Pack();
const library = packDir === null ? null : await androidLibrary();
const built = library === null ? null : await buildPackage('linux-arm64');
afterAll(() => built?.remove());

/**
 * The two files that an Android phone gets beside onnxruntime-node's JavaScript, on emulated arm64 over a stand-in for
 * Android's C library and an NNAPI driver in software. Android's linker and vendors' drivers are not in it.
 */
describe.skipIf(built === null)("Bungee's binding for Android over Android's ONNX Runtime", () => {
  let phone: ReturnType<typeof bareDevice>;

  beforeAll(async () => {
    const folder = bindingFolder(built?.folder ?? '', 'linux-arm64');
    unwrap(await buildBinding('android-arm64', folder, AbortSignal.timeout(60_000)));
    rmSync(join(folder, 'libonnxruntime.so.1'));
    writeFileSync(join(folder, 'libonnxruntime.so'), library ?? '');
    phone = bareDevice({ arch: 'arm64' });
    const pack = phone.device.files.hostPath(PHONE_PACK);
    cpSync(packDir ?? '', pack, { recursive: true });
    await buildBionicLibraries(
      join(pack, 'lib'),
      undefinedFunctions(library ?? Buffer.alloc(0)),
      ARM64_MACHINE,
    );
  }, 120_000);
  afterAll(() => phone.close());

  async function runOnPhone(program: string, ...args: readonly string[]): Promise<unknown> {
    const node = `SOFTWARE_NNAPI=computes ${PHONE_PACK}/lib/ld-linux-aarch64.so.1 --library-path ${PHONE_PACK}/lib ${PHONE_PACK}/bin/node`;
    const file = fileURLToPath(new URL(program, import.meta.url));
    const { out, err } = await runShell(phone.device, [node, file, ...args].join(' '));
    expect(out, err).toMatch(/^\{/m);
    return JSON.parse(out.trimEnd().split('\n').at(-1) ?? '');
  }

  test(
    "answers as npm's binding does, but for what ONNX Runtime's version makes",
    { timeout: 120_000 },
    async () => {
      const verdict = verdictSchema.parse(
        await runOnPhone('conformance.mjs', stockPackage, built?.folder ?? ''),
      );
      expect(verdict.differences.map(({ name }) => name)).toEqual(OTHER_VERSION);
      expect(verdict.cases).toBeGreaterThan(150);
    },
  );

  test('computes on XNNPACK and through NNAPI, as the profile tells', { timeout: 60_000 }, async () => {
    const values = [1, 2, 3, 4].map((value) => expect.closeTo((value * 10) / 7, 5) as number);
    expect(await runOnPhone('android-run.mjs', built?.folder ?? '')).toEqual({
      backends: ['cpu', 'xnnpack', 'nnapi'],
      cpu: { values, ran: ['CPUExecutionProvider'] },
      xnnpack: { values, ran: ['XnnpackExecutionProvider'] },
      nnapi: { values, ran: ['NnapiExecutionProvider'] },
    });
  });
});
