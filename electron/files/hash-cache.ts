import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { z } from 'zod';
import { readJsonFile, writeFileAtomic } from './atomic-file.ts';

const hashCacheSchema = z.object({
  schemaVersion: z.literal(1),
  files: z.record(
    z.string(),
    z.object({ sizeBytes: z.number(), mtimeMs: z.number(), inode: z.number(), sha256: z.string() }),
  ),
});
type HashCacheFile = z.infer<typeof hashCacheSchema>;

const READ_BYTES = 1024 * 1024;

/** SHA-256 of local files; a file whose size, mtime and inode are as they were is not read again. */
export interface HashCache {
  /** @throws the file system's error, or an abort. */
  sha256(path: string, signal?: AbortSignal): Promise<{ sha256: string; sizeBytes: number }>;
  /** Writes what was learned since the last save. */
  save(): Promise<void>;
}

/** A damaged cache file counts as empty: it holds nothing that can't be computed again. */
export async function openHashCache(path: string): Promise<HashCache> {
  const read = await readJsonFile<HashCacheFile>(path, hashCacheSchema, { schemaVersion: 1, files: {} });
  const files = new Map(Object.entries(read.ok ? read.value.files : {}));
  let changed = false;
  return {
    sha256: async (file, signal) => {
      const { size: sizeBytes, mtimeMs, ino: inode } = await stat(file);
      const known = files.get(file);
      if (known?.sizeBytes === sizeBytes && known.mtimeMs === mtimeMs && known.inode === inode)
        return { sha256: known.sha256, sizeBytes };
      const sha256 = await hashFile(file, signal);
      files.set(file, { sizeBytes, mtimeMs, inode, sha256 });
      changed = true;
      return { sha256, sizeBytes };
    },
    save: async () => {
      if (!changed) return;
      changed = false;
      await writeFileAtomic(path, JSON.stringify({ schemaVersion: 1, files: Object.fromEntries(files) }));
    },
  };
}

async function hashFile(path: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, {
    highWaterMark: READ_BYTES,
    ...(signal === undefined ? {} : { signal }),
  }))
    hash.update(chunk as Buffer);
  return hash.digest('hex');
}
