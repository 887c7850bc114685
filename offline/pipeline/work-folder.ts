import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fail, ok, type Result } from '../../core/result.ts';
import { WorkLock } from './work-lock.ts';

const MARK_FILE = 'bungee-work.json';
const SCRATCH = 'scratch';

/** How a stage's result lies in a folder of its own. */
export interface StageCodec<T> {
  write(folder: string, value: T): void;
  /** May throw: the stage is then done again. */
  read(folder: string): T;
}

/**
 * Where a run keeps what its stages have found, so that the same command goes on after a kill. A stage's result
 * is kept under a key made of everything that it depends on: another command never takes a wrong one.
 */
export class WorkFolder {
  readonly path: string;
  readonly #lock: WorkLock;
  readonly #used = new Set<string>();

  private constructor(path: string, lock: WorkLock) {
    this.path = path;
    this.#lock = lock;
  }

  /** Failures: `work-taken` (a folder of something else), `work-locked`, `work-unwritable`. */
  static open(folder: string): Result<WorkFolder> {
    const path = resolve(folder);
    try {
      mkdirSync(path, { recursive: true });
      if (!existsSync(join(path, MARK_FILE))) {
        if (readdirSync(path).length > 0)
          return fail(
            'work-taken',
            `${folder} exists and is no work folder of Bungee.`,
            'Name an empty or new folder with --work.',
          );
        writeFileSync(join(path, MARK_FILE), '{"about":"a run of bungee elasticize"}\n');
      }
      const lock = WorkLock.take(path);
      if (!lock.ok) return lock;
      rmSync(join(path, SCRATCH), { recursive: true, force: true });
      return ok(new WorkFolder(path, lock.value));
    } catch (error) {
      return fail('work-unwritable', `${folder} cannot be written.`, 'Name another folder.', String(error));
    }
  }

  /** A folder for temporary files; it does not outlive the run. */
  get scratch(): string {
    const path = join(this.path, SCRATCH);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Folder of a stage that keeps its own checkpoints; other keys' folders of this stage are removed. */
  stageFolder(stage: string, key: unknown): string {
    const path = this.#place(stage, key);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Whether {@link once} would find the stage done. */
  has(stage: string, key: unknown): boolean {
    return existsSync(this.#place(stage, key));
  }

  /** The stage's result: as found here, or made and kept. */
  async once<T>(stage: string, key: unknown, codec: StageCodec<T>, make: () => Promise<T>): Promise<T> {
    const path = this.#place(stage, key);
    if (existsSync(path)) {
      try {
        return codec.read(path);
      } catch {
        rmSync(path, { recursive: true, force: true });
      }
    }
    const value = await make();
    const part = join(this.scratch, stage);
    rmSync(part, { recursive: true, force: true });
    mkdirSync(part);
    codec.write(part, value);
    renameSync(part, path);
    // Read back, so that a resumed run goes on from exactly the same figures as this one.
    return codec.read(path);
  }

  /** Lets go of the folder. @param keep whether the stages' results stay. */
  close(keep: boolean): void {
    rmSync(join(this.path, SCRATCH), { recursive: true, force: true });
    if (!keep) {
      for (const name of readdirSync(this.path))
        if (this.#used.has(name) || name === MARK_FILE || isStage(name))
          rmSync(join(this.path, name), { recursive: true, force: true });
    }
    this.#lock.release();
    if (keep) return;
    try {
      rmdirSync(this.path);
    } catch {
      // Something else lies in it; that is not ours to remove.
    }
  }

  #place(stage: string, key: unknown): string {
    const digest = createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 16);
    const name = `stage-${stage}-${digest}`;
    this.#used.add(name);
    for (const other of readdirSync(this.path))
      if (other.startsWith(`stage-${stage}-`) && !this.#used.has(other))
        rmSync(join(this.path, other), { recursive: true, force: true });
    return join(this.path, name);
  }
}

function isStage(name: string): boolean {
  return /^stage-[\w-]+-[0-9a-f]{16}$/.test(name);
}
