import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { describeFailure, fail, type Result } from '../../core/result.ts';
import { openRuntimePacks, type ReadyPack } from '../../electron/packs/runtime-packs.ts';
import { cacheFolder, onnxruntimeFolder } from '../../scripts/shared/folders.ts';
import { hasEmulator } from '../virtual-phone/harness.ts';
import { IS_CI } from './project.ts';

/**
 * Folder of the runtime pack for arm64, assembled on first use; null where its parts or the emulator cannot be had,
 * which is said. On CI both have to be.
 */
export async function arm64Pack(): Promise<string | null> {
  const pack = await oneAtATime(providePack);
  if (pack.ok && pack.value.dir !== null) return pack.value.dir;
  const why = pack.ok ? 'it has no folder' : describeFailure(pack.failure);
  if (IS_CI) throw new Error(`The runtime pack for arm64 cannot be had, and CI needs it: ${why}`);
  process.stderr.write(`SKIPPED: nothing runs on emulated arm64: ${why}\n`);
  return null;
}

async function providePack(): Promise<Result<ReadyPack>> {
  if (process.platform !== 'linux' || (process.arch === 'x64' && !hasEmulator()))
    return fail('emulator-missing', 'there is no emulator of arm64 here.');
  const packs = openRuntimePacks({
    packsDir: cacheFolder('packs'),
    onnxruntimeDir: onnxruntimeFolder(),
    pack: null,
  });
  return packs.provide(
    { kind: 'virtual', abi: 'arm64-v8a' },
    (line) => void process.stderr.write(`${line}\n`),
    AbortSignal.timeout(300_000),
  );
}

/** Test files that run side by side all want the pack: one assembles it, the others wait and find it. */
async function oneAtATime<T>(act: () => Promise<T>): Promise<T> {
  const lock = cacheFolder('packs', '.lock-of-tests');
  await mkdir(cacheFolder('packs'), { recursive: true });
  for (;;) {
    try {
      await writeFile(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    const holder = await readFile(lock, 'utf8').catch(() => '');
    if (holder !== '' && !isAlive(Number(holder))) await rm(lock, { force: true });
    else await new Promise((done) => setTimeout(done, 200));
  }
  try {
    return await act();
  } finally {
    await rm(lock, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
