import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { z } from 'zod';

/** A training run between two steps: everything that the next step depends on, by name. */
export interface Checkpoint {
  /** Counts and losses; Infinity is kept. */
  readonly numbers: Readonly<Record<string, number>>;
  readonly arrays: Readonly<Record<string, Float32Array>>;
}

const headerSchema = z.object({
  /** What is being trained and how: a checkpoint of anything else is not resumed. */
  identity: z.string(),
  /** null = Infinity, which JSON does not know. */
  numbers: z.record(z.string(), z.number().nullable()),
  /** In the order of the file. */
  arrays: z.array(z.object({ name: z.string(), length: z.int().nonnegative() })),
});

/** Writes to a temporary name, flushes and renames: a kill at any time leaves the last whole checkpoint. */
export function writeCheckpoint(path: string, identity: string, { numbers, arrays }: Checkpoint): void {
  const header: z.infer<typeof headerSchema> = {
    identity,
    numbers: Object.fromEntries(
      Object.entries(numbers).map(([name, value]) => [name, Number.isFinite(value) ? value : null]),
    ),
    arrays: Object.entries(arrays).map(([name, { length }]) => ({ name, length })),
  };
  const line = Buffer.from(`${JSON.stringify(header)}\n`);
  const temporary = `${path}.part`;
  const fd = openSync(temporary, 'w');
  try {
    for (const part of [line, ...Object.values(arrays)]) {
      const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
      for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
    }
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
}

/** The checkpoint of this very run; null where there is none, or one of another run, or a damaged one. */
export function readCheckpoint(path: string, identity: string): Checkpoint | null {
  if (!existsSync(path)) return null;
  const bytes = readFileSync(path);
  const end = bytes.indexOf(10);
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.subarray(0, Math.max(end, 0)).toString('utf8'));
  } catch {
    return null;
  }
  const header = headerSchema.safeParse(parsed);
  if (!header.success || header.data.identity !== identity) return null;
  const size = header.data.arrays.reduce((sum, { length }) => sum + length, 0);
  if (bytes.length !== end + 1 + size * 4) return null;
  let from = bytes.byteOffset + end + 1;
  const arrays: Record<string, Float32Array> = {};
  for (const { name, length } of header.data.arrays) {
    arrays[name] = new Float32Array(bytes.buffer.slice(from, from + length * 4));
    from += length * 4;
  }
  const numbers = Object.entries(header.data.numbers).map(([name, value]) => [name, value ?? Infinity]);
  return { numbers: Object.fromEntries(numbers) as Record<string, number>, arrays };
}
