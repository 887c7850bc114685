import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { MANIFEST_FILE } from '../../core/bundle-manifest.ts';
import { fail, ok, type Result } from '../../core/result.ts';

function syncPath(path: string): void {
  const fd = openSync(path, 'r');
  fsyncSync(fd);
  closeSync(fd);
}

/**
 * A folder that appears whole or not at all: files are written into a temporary sibling, flushed and renamed
 * into place by {@link commit}. An older bundle in its place is replaced; any other folder is refused.
 */
export class StagedFolder {
  readonly path: string;
  readonly #target: string;

  private constructor(path: string, target: string) {
    this.path = path;
    this.#target = target;
  }

  /** Failures: `output-taken` (a folder that is no bundle), `output-unwritable`. */
  static create(target: string): Result<StagedFolder> {
    const absolute = resolve(target);
    if (existsSync(absolute) && !isReplaceable(absolute))
      return fail(
        'output-taken',
        `${target} exists and is not a Bungee bundle.`,
        'Name an empty or new folder with --out.',
      );
    try {
      mkdirSync(dirname(absolute), { recursive: true });
      const path = mkdtempSync(join(dirname(absolute), `.${basename(absolute)}-`));
      return ok(new StagedFolder(path, absolute));
    } catch (error) {
      return fail('output-unwritable', `${target} cannot be written.`, 'Name another folder.', String(error));
    }
  }

  /** Flushes every file and puts the folder in place. */
  commit(): void {
    for (const name of readdirSync(this.path)) syncPath(join(this.path, name));
    const old = `${this.path}-old`;
    const replaces = existsSync(this.#target);
    if (replaces) renameSync(this.#target, old);
    renameSync(this.path, this.#target);
    syncPath(dirname(this.#target));
    if (replaces) rmSync(old, { recursive: true, force: true });
  }

  discard(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

function isReplaceable(folder: string): boolean {
  try {
    const names = readdirSync(folder);
    return names.length === 0 || readFileSync(join(folder, MANIFEST_FILE), 'utf8').includes('"bundleId"');
  } catch {
    return false;
  }
}
