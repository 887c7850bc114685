import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fail, ok, type Result } from '../../core/result.ts';
import { PACK_FILE, PACK_SCHEMA_VERSION, type RuntimePack } from '../../core/runtime-pack.ts';
import { errorMessage } from '../files/atomic-file.ts';
import { executablesOf } from './pack-layout.ts';

/** A pack before it is written. */
export interface PackContent {
  readonly pack: Omit<RuntimePack, 'schemaVersion' | 'files'>;
  readonly files: readonly { readonly path: string; readonly bytes: Buffer }[];
}

/**
 * Writes a pack's folder with its `pack.json`; it appears as a whole or not at all, and replaces an older pack
 * there. The same parts give the same bytes.
 *
 * Failures: `pack-out-not-empty` (the folder holds something that is no pack), `pack-unwritable`.
 */
export async function writePack(content: PackContent, outDir: string): Promise<Result<RuntimePack>> {
  const target = resolve(outDir);
  const isFree = await isEmptyOrPack(target);
  if (!isFree)
    return fail(
      'pack-out-not-empty',
      `${target} holds something that is no runtime pack.`,
      'Name a new folder.',
    );
  const files = [...content.files].sort((a, b) => (a.path < b.path ? -1 : 1));
  const pack: RuntimePack = {
    schemaVersion: PACK_SCHEMA_VERSION,
    ...content.pack,
    files: files.map(({ path, bytes }) => ({
      path,
      sizeBytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    })),
  };
  const staged = `${target}.${process.pid}-${randomBytes(4).toString('hex')}.part`;
  const executables = executablesOf(pack);
  try {
    for (const { path, bytes } of files)
      await writeSynced(join(staged, path), bytes, executables.includes(path) ? 0o755 : 0o644);
    await writeSynced(join(staged, PACK_FILE), Buffer.from(`${JSON.stringify(pack, null, 2)}\n`), 0o644);
    const old = `${staged}.old`;
    if ((await stat(target).catch(() => null)) !== null) await rename(target, old);
    await rename(staged, target);
    await rm(old, { recursive: true, force: true });
    return ok(pack);
  } catch (error) {
    await rm(staged, { recursive: true, force: true });
    return fail('pack-unwritable', `The runtime pack can't be written to ${target}: ${errorMessage(error)}.`);
  }
}

async function isEmptyOrPack(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT' ? [] : ['?'],
  );
  return names.length === 0 || names.includes(PACK_FILE);
}

async function writeSynced(path: string, bytes: Buffer, mode: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'w', mode);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}
