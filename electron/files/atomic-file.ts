import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { z } from 'zod';
import { parseJsonWith } from '../../core/parse.ts';
import { ok, type Result } from '../../core/result.ts';

/**
 * Replaces a file in one step: a reader, or a crash, sees the old content or the new one, never a part.
 *
 * @throws the file system's error (disk full, no permission).
 */
export async function writeFileAtomic(path: string, content: string | Buffer, mode = 0o644): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'w', mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Reads JSON of the desktop's own state; `fallback` where there is no such file. Failures as `parseJsonWith`. */
export async function readJsonFile<T>(path: string, schema: z.ZodType<T>, fallback: T): Promise<Result<T>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return ok(fallback);
    throw error;
  }
  return parseJsonWith(schema, text, path);
}

/** `code` of a Node error (`ENOENT`, `ECONNREFUSED`, ...), undefined for anything else. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
