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
import { ownedName, removeLeftovers } from './leftovers.ts';

function syncPath(path: string): void {
  const fd = openSync(path, 'r');
  fsyncSync(fd);
  closeSync(fd);
}

/** What a folder of this kind holds, so that no other is ever replaced. */
export interface FolderKind {
  readonly what: string;
  readonly file: string;
  /** Text that the file holds. */
  readonly tells: string;
}

const BUNDLE_FOLDER: FolderKind = { what: 'bundle', file: MANIFEST_FILE, tells: '"bundleId"' };

/**
 * A folder that appears whole or not at all: files are written into a temporary sibling, flushed and renamed
 * into place by {@link commit}. An older folder of the same kind is replaced; any other folder is refused. A
 * killed process leaves the temporary folder behind; it is removed when the next one starts on the same target.
 */
export class StagedFolder {
  readonly path: string;
  readonly #target: string;

  private constructor(path: string, target: string) {
    this.path = path;
    this.#target = target;
  }

  /** Failures: `output-taken` (a folder of another kind), `output-unwritable`. */
  static create(target: string, kind = BUNDLE_FOLDER): Result<StagedFolder> {
    const absolute = resolve(target);
    if (existsSync(absolute) && !isReplaceable(absolute, kind))
      return fail(
        'output-taken',
        `${target} exists and is not a Bungee ${kind.what}.`,
        'Name an empty or new folder.',
      );
    try {
      mkdirSync(dirname(absolute), { recursive: true });
      const prefix = `.${basename(absolute)}-`;
      bringBack(absolute, prefix);
      removeLeftovers(dirname(absolute), prefix);
      const path = mkdtempSync(join(dirname(absolute), ownedName(prefix)));
      return ok(new StagedFolder(path, absolute));
    } catch (error) {
      return fail('output-unwritable', `${target} cannot be written.`, 'Name another folder.', String(error));
    }
  }

  /** Flushes every file and puts the folder in place. */
  commit(): void {
    for (const name of readdirSync(this.path)) syncPath(join(this.path, name));
    const old = `${this.path}${OLD}`;
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

/** The folder that a commit is about to replace. */
const OLD = '-old';

/** A commit that was killed between its two renames has moved the older folder away: puts it back. */
function bringBack(target: string, prefix: string): void {
  if (existsSync(target)) return;
  const old = readdirSync(dirname(target)).find((name) => name.startsWith(prefix) && name.endsWith(OLD));
  if (old !== undefined) renameSync(join(dirname(target), old), target);
}

function isReplaceable(folder: string, { file, tells }: FolderKind): boolean {
  try {
    const names = readdirSync(folder);
    return names.length === 0 || readFileSync(join(folder, file), 'utf8').includes(tells);
  } catch {
    return false;
  }
}
