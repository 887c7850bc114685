import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import {
  MANIFEST_FILE,
  parseManifest,
  type BundleFile,
  type BundleManifest,
} from '../../core/bundle-manifest.ts';
import { parseJsonWith } from '../../core/parse.ts';
import { fail, ok, type Result } from '../../core/result.ts';

/** What was hashed before: a file with the same size, time and inode is not hashed again. */
const stampsSchema = z.record(
  z.string(),
  z.object({ sizeBytes: z.number(), modifiedMs: z.number(), inode: z.number(), sha256: z.string() }),
);
type Stamps = z.infer<typeof stampsSchema>;

/** Failures: `bundle-missing`, and those of parseManifest. */
export async function readManifest(bundleDir: string): Promise<Result<BundleManifest>> {
  const path = join(bundleDir, MANIFEST_FILE);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    return fail(
      'bundle-missing',
      `${path} cannot be read: there is no bundle here.`,
      'Push a bundle, or point --bundle at a folder that Bungee wrote.',
    );
  }
  return parseManifest(text, path);
}

/**
 * Checks size and SHA-256 of every file of a bundle and names the first that is wrong.
 *
 * @param stampFile where to remember hashes between starts; null = hash always.
 * @returns how many bytes were hashed; failure `bundle-corrupt`.
 */
export async function verifyBundle(
  bundleDir: string,
  manifest: BundleManifest,
  stampFile: string | null,
): Promise<Result<{ hashedBytes: number }>> {
  const known = stampFile === null ? {} : await readStamps(stampFile);
  const stamps: Stamps = {};
  let hashedBytes = 0;
  for (const file of manifest.files) {
    const path = join(bundleDir, file.path);
    const found = await stat(path).catch(() => null);
    if (found === null || !found.isFile()) return corrupt(file, 'is missing');
    if (found.size !== file.sizeBytes)
      return corrupt(file, `has ${found.size} bytes instead of ${file.sizeBytes}`);
    const stamp = {
      sizeBytes: found.size,
      modifiedMs: found.mtimeMs,
      inode: found.ino,
      sha256: file.sha256,
    };
    const before = known[path];
    const unchanged = before !== undefined && JSON.stringify(before) === JSON.stringify(stamp);
    if (!unchanged) {
      if ((await sha256Of(path)) !== file.sha256)
        return corrupt(file, 'has another SHA-256 than the manifest says');
      hashedBytes += file.sizeBytes;
    }
    stamps[path] = stamp;
  }
  if (stampFile !== null && hashedBytes > 0) await writeStamps(stampFile, stamps);
  return ok({ hashedBytes });
}

function corrupt(file: BundleFile, what: string): Result<never> {
  return fail('bundle-corrupt', `The bundle is damaged: ${file.path} ${what}.`, 'Push the bundle again.');
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }))
    hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function readStamps(path: string): Promise<Stamps> {
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) return {};
  const parsed = parseJsonWith(stampsSchema, text, path);
  return parsed.ok ? parsed.value : {};
}

/** A lost stamp only costs hashing again, so a failing write is not an error. */
async function writeStamps(path: string, stamps: Stamps): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, JSON.stringify(stamps));
    await rename(temporary, path);
  } catch {
    return;
  }
}
