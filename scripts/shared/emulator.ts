import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, ok, type Result } from '../../core/result.ts';
import { aptSource } from '../../electron/packs/parts/apt-source.ts';
import { runClient } from '../../electron/packs/parts/run-client.ts';
import { findEmulator } from '../../virtual-phone/index.ts';
import { say } from './command-line.ts';
import { cacheFolder } from './folders.ts';

const PROGRAM = 'qemu-aarch64-static';
/** Debian's and Ubuntu's package of it; one program of some thirty in it is kept. */
const PACKAGE = {
  name: 'qemu-user-static',
  version: null,
  licence: 'GPL-2.0-or-later',
  origin: 'debian',
  sizeBytes: null,
  sha256: null,
} as const;

/**
 * qemu's user emulation for arm64: the one on PATH, the one fetched earlier, else out of the distribution's package
 * where there is apt-get. Nothing is installed: the program lies in the cache. Failure `emulator-missing`.
 */
export async function ensureEmulator(signal: AbortSignal): Promise<Result<string>> {
  const kept = cacheFolder('emulator', PROGRAM);
  const found = findEmulator() ?? (existsSync(kept) ? kept : null);
  if (found !== null) return ok(found);
  const startedAt = Date.now();
  say(`emulator: none here; fetching ${PACKAGE.name} by apt-get ...`);
  await mkdir(cacheFolder('emulator'), { recursive: true });
  const work = await mkdtemp(cacheFolder('emulator', '.work-'));
  try {
    const brought = await fetchProgram(work, signal);
    if (!brought.ok)
      return signal.aborted
        ? brought
        : fail(
            'emulator-missing',
            `An arm64 phone needs qemu's user emulation: ${brought.failure.message}`,
            'Install it: `apt-get install qemu-user-static`, or your system’s package of qemu-user.',
            brought.failure.detail,
          );
    await rename(brought.value, kept);
    say(`emulator: ${PROGRAM} is in the cache, ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
    return ok(kept);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function fetchProgram(work: string, signal: AbortSignal): Promise<Result<string>> {
  const deb = await aptSource(join(work, 'apt'), 'amd64').fetch(PACKAGE, work, signal);
  if (!deb.ok) return deb;
  const script = 'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" "./usr/bin/$3"';
  const unpacked = await runClient('sh', ['-c', script, 'sh', deb.value, work, PROGRAM], {
    cwd: work,
    signal,
  });
  if (!unpacked.ok) return unpacked;
  const program = join(work, 'usr', 'bin', PROGRAM);
  return existsSync(program) ? ok(program) : fail('client-failed', `${PACKAGE.name} holds no ${PROGRAM}.`);
}
