import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  bundlePathSchema,
  type BundleFile,
  type BundleManifest,
  MANIFEST_FILE,
} from '../../core/bundle-manifest.ts';
import type { FileSet } from '../../core/push.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { errorMessage } from './atomic-file.ts';
import type { HashCache } from './hash-cache.ts';

/** A {@link FileSet} and where its files are on this computer. */
export interface LocalFileSet extends FileSet {
  /** Sets of one group replace each other on the phone; the newest two are kept. */
  readonly group: 'bundle' | 'agent' | 'runtime';
  /** Path in the set -> local file. */
  readonly sources: ReadonlyMap<string, string>;
  /** Paths that the phone has to be able to run. */
  readonly executables?: readonly string[];
}

/** A file or folder that goes into a set at `at` ('' = the set's root). */
export interface SetEntry {
  readonly local: string;
  readonly at: string;
}

/** The files of a bundle, as its manifest lists them, and the manifest itself. @throws when it can't be read. */
export async function bundleFileSet(
  folder: string,
  manifest: BundleManifest,
  hashes: HashCache,
): Promise<LocalFileSet> {
  const manifestPath = join(folder, MANIFEST_FILE);
  const files = [...manifest.files, { path: MANIFEST_FILE, ...(await hashes.sha256(manifestPath)) }];
  return {
    // With the manifest's own hash: the same content under another manifest text is another set.
    id: setId(files),
    name: manifest.name,
    group: 'bundle',
    files,
    sources: new Map(files.map((file) => [file.path, join(folder, file.path)])),
  };
}

/**
 * A set out of files and folders; `skip` leaves out paths (in the set). Failure `file-unreadable`.
 */
export async function fileSetOf(
  name: string,
  group: LocalFileSet['group'],
  entries: readonly SetEntry[],
  hashes: HashCache,
  skip: (path: string) => boolean = () => false,
): Promise<Result<LocalFileSet>> {
  const sources = new Map<string, string>();
  try {
    for (const { local, at } of entries) await collect(local, at, skip, sources);
    const files: BundleFile[] = [];
    for (const [path, local] of [...sources].sort(([a], [b]) => (a < b ? -1 : 1)))
      files.push({ path, ...(await hashes.sha256(local)) });
    await hashes.save();
    return ok({ id: setId(files), name, group, files, sources });
  } catch (error) {
    return fail(
      'file-unreadable',
      `A file for the phone can't be read: ${errorMessage(error)}.`,
      'Build the project again: `npm start` does it.',
    );
  }
}

async function collect(
  local: string,
  at: string,
  skip: (path: string) => boolean,
  into: Map<string, string>,
): Promise<void> {
  if (at !== '' && skip(at)) return;
  if (!(await stat(local)).isDirectory()) {
    if (!bundlePathSchema.safeParse(at).success) throw new Error(`${local}: its name does not suit a phone`);
    into.set(at, local);
    return;
  }
  for (const name of await readdir(local))
    await collect(join(local, name), at === '' ? name : `${at}/${name}`, skip, into);
}

function setId(files: readonly BundleFile[]): string {
  const hash = createHash('sha256');
  for (const { path, sha256 } of [...files].sort((a, b) => (a.path < b.path ? -1 : 1)))
    hash.update(`${sha256} ${path}\n`);
  return hash.digest('hex').slice(0, 32);
}
