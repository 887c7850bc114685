import type { FileHandle } from 'node:fs/promises';
import type { LiveEvent } from '../../core/run-record.ts';
import { errorMessage } from '../files/atomic-file.ts';

/** What a crash may cost at most. */
const FLUSH_EVERY_MS = 250;

/** Appends events to a run's log, batched; errors (disk full) are kept for the owner, never thrown. */
export class EventLog {
  readonly #file: FileHandle;
  #pending: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #failure: string | null = null;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** First write error; later events are not written. */
  get failure(): string | null {
    return this.#failure;
  }

  append(event: LiveEvent): void {
    this.#pending.push(JSON.stringify(event));
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#flush();
    }, FLUSH_EVERY_MS);
  }

  /** Everything is on disk when this resolves. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#flush();
    await this.#writing;
    try {
      await this.#file.sync();
    } catch (error) {
      this.#failure ??= errorMessage(error);
    } finally {
      await this.#file.close();
    }
  }

  #flush(): void {
    if (this.#pending.length === 0) return;
    const text = `${this.#pending.join('\n')}\n`;
    this.#pending = [];
    this.#writing = this.#writing.then(async () => {
      if (this.#failure !== null) return;
      try {
        await this.#file.appendFile(text);
      } catch (error) {
        this.#failure = errorMessage(error);
      }
    });
  }
}
