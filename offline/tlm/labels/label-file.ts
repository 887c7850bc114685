import { closeSync, existsSync, fsyncSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { z } from 'zod';

const lineSchema = z.object({ key: z.string(), values: z.array(z.number()) });
type Line = z.infer<typeof lineSchema>;

/** Digits that a value keeps: more than its noise. */
const DIGITS = 6;

/** Numbers found so far, one line per key; a kill loses at most the line that was being written. */
export class LabelFile {
  readonly #found = new Map<string, readonly number[]>();
  readonly #fd: number;

  private constructor(fd: number, lines: readonly Line[]) {
    this.#fd = fd;
    for (const { key, values } of lines) this.#found.set(key, values);
  }

  static open(path: string): LabelFile {
    const lines: Line[] = [];
    if (existsSync(path)) {
      const bytes = readFileSync(path);
      let whole = 0;
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, whole)) {
        const line = parsedLine(bytes.subarray(whole, end).toString('utf8'));
        if (line === null) break;
        lines.push(line);
        whole = end + 1;
      }
      truncateSync(path, whole);
    }
    return new LabelFile(openSync(path, 'a'), lines);
  }

  get(key: string): readonly number[] | undefined {
    return this.#found.get(key);
  }

  /** Keeps values, and returns them as they will be read again. */
  add(key: string, values: readonly number[]): readonly number[] {
    const kept = values.map((value) => Number(value.toPrecision(DIGITS)));
    const bytes = Buffer.from(`${JSON.stringify({ key, values: kept })}\n`);
    for (let done = 0; done < bytes.length;) done += writeSync(this.#fd, bytes, done);
    fsyncSync(this.#fd);
    this.#found.set(key, kept);
    return kept;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function parsedLine(text: string): Line | null {
  try {
    const parsed = lineSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
