import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

const lineSchema = z.object({ key: z.string(), values: z.array(z.number()).min(1) });

/** Digits that a value keeps: more than its noise. */
const DIGITS = 6;

/**
 * What runs of a model came to, one JSON line per key, appended as they come: a killed run loses at most the one under
 * way. A line that cannot be read is run again.
 */
export class ValueFile {
  readonly #path: string;
  readonly #found = new Map<string, readonly number[]>();

  constructor(path: string) {
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true });
    if (existsSync(path)) this.#load();
  }

  get size(): number {
    return this.#found.size;
  }

  has(key: string): boolean {
    return this.#found.has(key);
  }

  /** The values of a key: as found here, or made and kept. */
  async once(key: string, make: () => Promise<readonly number[]>): Promise<readonly number[]> {
    const found = this.#found.get(key);
    if (found !== undefined) return found;
    // Rounded before the first use, so that a resumed run goes on from exactly the same figures.
    const values = (await make()).map((value) => Number(value.toPrecision(DIGITS)));
    this.#append(`${JSON.stringify({ key, values })}\n`);
    this.#found.set(key, values);
    return values;
  }

  #append(line: string): void {
    const bytes = Buffer.from(line);
    const file = openSync(this.#path, 'a');
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }

  /** A last line that a kill cut off is removed, so that the next one begins on a line of its own. */
  #load(): void {
    const bytes = readFileSync(this.#path);
    const end = bytes.lastIndexOf(10) + 1;
    if (end < bytes.length) truncateSync(this.#path, end);
    for (const line of bytes.subarray(0, end).toString('utf8').split('\n')) {
      const parsed = lineSchema.safeParse(parsedLine(line));
      if (parsed.success) this.#found.set(parsed.data.key, parsed.data.values);
    }
  }
}

function parsedLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
