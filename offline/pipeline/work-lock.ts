import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { fail, ok, type Result } from '../../core/result.ts';
import { isAlive } from '../bundle/leftovers.ts';

const LOCK_FILE = 'lock.json';
const BEAT_MS = 15_000;
/** A holder that has not shown itself for so long is gone, and its process id belongs to another. */
const SILENCE_MS = 15 * 60_000;

const lockSchema = z.object({ pid: z.int().positive(), token: z.string() });

/** Keeps two runs out of one work folder. The holder shows that it lives by touching the file. */
export class WorkLock {
  readonly #path: string;
  readonly #token: string;
  readonly #beat: NodeJS.Timeout;

  private constructor(path: string, token: string) {
    this.#path = path;
    this.#token = token;
    this.#beat = setInterval(() => this.#touch(), BEAT_MS);
    this.#beat.unref();
  }

  /** Failure `work-locked`: another run is at it. The lock of a process that is gone is taken over. */
  static take(folder: string): Result<WorkLock> {
    const path = join(folder, LOCK_FILE);
    const token = randomBytes(8).toString('hex');
    const text = JSON.stringify({ pid: process.pid, token });
    for (let attempt = 0; attempt < 3; attempt++) {
      try {
        writeFileSync(path, text, { flag: 'wx' });
        return ok(new WorkLock(path, token));
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      }
      const holder = liveHolder(path);
      if (holder !== null)
        return fail(
          'work-locked',
          `${folder} is in use by process ${holder}.`,
          `Wait for it, or name another folder with --work. If no such run exists, remove ${path}.`,
        );
      removeStale(path, token);
    }
    return fail('work-locked', `${folder} is wanted by several runs at once.`, 'Start again.');
  }

  release(): void {
    clearInterval(this.#beat);
    if (readLock(this.#path)?.token === this.#token) rmSync(this.#path, { force: true });
  }

  #touch(): void {
    try {
      const now = new Date();
      utimesSync(this.#path, now, now);
    } catch {
      // Removed by a person who was told to; the run goes on.
    }
  }
}

function readLock(path: string): z.infer<typeof lockSchema> | null {
  try {
    const parsed = lockSchema.safeParse(JSON.parse(readFileSync(path, 'utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/** Process that holds the lock; null where there is none or it is gone. */
function liveHolder(path: string): number | null {
  const lock = readLock(path);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (lock === null || stat === undefined || !isAlive(lock.pid)) return null;
  return Date.now() - stat.mtimeMs < SILENCE_MS ? lock.pid : null;
}

/** Moved aside first, and put back if another run had renewed it in between. */
function removeStale(path: string, token: string): void {
  const aside = `${path}.${token}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  if (liveHolder(aside) === null) rmSync(aside, { force: true });
  else renameSync(aside, path);
}
