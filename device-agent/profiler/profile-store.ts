import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { latencyProfileSchema, type LatencyProfile } from '../../core/latency-profile.ts';
import { parseJsonWith } from '../../core/parse.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { firstLine } from '../engine/open-session.ts';

export function profilePath(home: string, bundleId: string, threads: number): string {
  return join(home, 'profiles', `${bundleId}-t${threads}.json`);
}

/** The stored profile of this bundle and thread count; null when there is none or it cannot be used. */
export async function loadProfile(
  home: string,
  bundleId: string,
  threads: number,
): Promise<Result<LatencyProfile> | null> {
  const path = profilePath(home, bundleId, threads);
  const text = await readFile(path, 'utf8').catch(() => null);
  return text === null ? null : parseJsonWith(latencyProfileSchema, text, path);
}

/** Failure `write-failed` (disk full, say); the profile before it then stays whole. */
export async function saveProfile(home: string, profile: LatencyProfile): Promise<Result<null>> {
  const path = profilePath(home, profile.bundleId, profile.threads);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeWhole(path, JSON.stringify(profile));
    return ok(null);
  } catch (error) {
    return fail('write-failed', `${path} cannot be written: ${firstLine(error)}.`, 'Free some space.');
  }
}

/** Temporary name, fsync, rename: a reader sees the old file or the new one. Throws as fs does. */
export async function writeWhole(path: string, text: string, mode = 0o644): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await open(temporary, 'w', mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}
