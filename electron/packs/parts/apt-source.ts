import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, ok, type Result } from '../../../core/result.ts';
import type { PartPin } from './part-pin.ts';
import type { PartSource } from './part-shelf.ts';
import { runClient } from './run-client.ts';

/** Debian's names of processors. */
export type DebianArchitecture = 'arm64' | 'amd64';

/**
 * Debian's packages for a processor by `apt-get download`, from the archives that the user's apt knows, without a
 * change to the system: apt gets package lists of its own in `dir` and takes that processor for the native one, so
 * that nothing is asked of dpkg. apt checks what it brings by the archive's signature.
 */
export function aptSource(dir: string, architecture: DebianArchitecture): PartSource {
  let lists: Promise<Result<null>> | undefined;
  return {
    mayDiffer: true,
    fetch: async (pin, work, signal) => {
      lists ??= updateLists(dir, architecture, signal);
      const updated = await lists;
      if (!updated.ok) {
        lists = undefined;
        return updated;
      }
      return download(aptOptions(dir, architecture), pin, work, signal);
    },
  };
}

function aptOptions(dir: string, architecture: DebianArchitecture): string[] {
  const option = (name: string, value: string): string[] => ['-o', `${name}=${value}`];
  return [
    ...option('Dir::State', join(dir, 'state')),
    ...option('Dir::State::status', join(dir, 'status')),
    ...option('Dir::Cache', join(dir, 'cache')),
    ...option('APT::Architecture', architecture),
    ...option('APT::Architectures', architecture),
    ...option('Acquire::Languages', 'none'),
    // Root's apt would hand over to a user that can't reach the cache folder.
    ...option('APT::Sandbox::User', 'root'),
  ];
}

async function updateLists(
  dir: string,
  architecture: DebianArchitecture,
  signal: AbortSignal,
): Promise<Result<null>> {
  for (const folder of [join(dir, 'state', 'lists', 'partial'), join(dir, 'cache', 'archives', 'partial')])
    await mkdir(folder, { recursive: true });
  await writeFile(join(dir, 'status'), '');
  const updated = await runClient('apt-get', [...aptOptions(dir, architecture), 'update', '-qq'], {
    cwd: dir,
    signal,
  });
  // One archive of several that has no arm64 is no reason to give up; a missing package is, later.
  return updated.ok || updated.failure.code === 'client-failed' ? ok(null) : updated;
}

async function download(
  options: readonly string[],
  pin: PartPin,
  work: string,
  signal: AbortSignal,
): Promise<Result<string>> {
  const { name, version } = pin;
  const names = [...(version === null ? [] : [`${name}=${version}`]), name];
  let last: Result<never> = fail('client-failed', `apt-get gave no ${name}.`);
  for (const wanted of names) {
    const ran = await runClient('apt-get', [...options, 'download', '-qq', wanted], { cwd: work, signal });
    const deb = ran.ok ? (await readdir(work)).find((file) => file.endsWith('.deb')) : undefined;
    if (deb !== undefined) return ok(join(work, deb));
    if (!ran.ok) last = ran;
  }
  return last;
}
