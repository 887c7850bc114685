import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { parseJsonWith } from '../../core/parse.ts';
import { executionProviderSchema, type ExecutionProvider } from '../../core/runtime-pack.ts';

/** A driver that crashes takes the agent with it; once may be the user's cable, twice is the driver. */
const MAX_ATTEMPTS = 2;

const attemptSchema = z.object({
  /** What the attempt depends on: another runtime or system is tried afresh. */
  key: z.string(),
  unfinished: z.partialRecord(executionProviderSchema, z.int().positive()),
});

/** Remembers over a crash of the process which provider was being tried. */
export class AttemptLog {
  readonly #path: string | null;
  readonly #key: string;
  readonly #unfinished: Partial<Record<ExecutionProvider, number>>;

  /** @param path null = nothing is remembered (made-up cases). */
  constructor(path: string | null, key: string) {
    this.#path = path;
    this.#key = key;
    this.#unfinished = path === null ? {} : readUnfinished(path, key);
  }

  /** Whether trying `provider` ended the process as often as is allowed. */
  hasCrashed(provider: ExecutionProvider): boolean {
    return (this.#unfinished[provider] ?? 0) >= MAX_ATTEMPTS;
  }

  /** From now on `provider` is on disk as unfinished. A log that can't be written stops nothing. */
  begin(provider: ExecutionProvider): void {
    this.#unfinished[provider] = (this.#unfinished[provider] ?? 0) + 1;
    this.#write();
  }

  /** It ended as it should. */
  end(provider: ExecutionProvider): void {
    delete this.#unfinished[provider];
    this.#write();
  }

  /** Runs `work`, as unfinished until it settles. */
  async around<T>(provider: ExecutionProvider, work: () => Promise<T>): Promise<T> {
    this.begin(provider);
    try {
      return await work();
    } finally {
      this.end(provider);
    }
  }

  #write(): void {
    if (this.#path === null) return;
    try {
      if (Object.keys(this.#unfinished).length === 0) return rmSync(this.#path, { force: true });
      mkdirSync(dirname(this.#path), { recursive: true });
      const file = openSync(this.#path, 'w');
      writeSync(file, JSON.stringify({ key: this.#key, unfinished: this.#unfinished }));
      fsyncSync(file);
      closeSync(file);
    } catch {
      return;
    }
  }
}

function readUnfinished(path: string, key: string): Partial<Record<ExecutionProvider, number>> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return {};
  }
  const parsed = parseJsonWith(attemptSchema, text, path);
  return parsed.ok && parsed.value.key === key ? parsed.value.unfinished : {};
}
