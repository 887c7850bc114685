import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { parseJsonWith } from '../../core/parse.ts';
import { fail, ok, type Result } from '../../core/result.ts';

const headSchema = z.object({
  /** What the state belongs to: settings and data. */
  identity: z.string(),
  step: z.int().nonnegative(),
  lengths: z.array(z.int().nonnegative()),
});

/** A training run between two steps. */
export interface Checkpoint {
  /** Steps done. */
  readonly step: number;
  /** Parameters and optimizer state, in the caller's order. */
  readonly arrays: readonly Float32Array[];
}

/** Replaces the checkpoint in one step: a kill at any moment leaves the old one or the new one. */
export function writeCheckpoint(path: string, identity: string, { step, arrays }: Checkpoint): void {
  mkdirSync(dirname(path), { recursive: true });
  const head = Buffer.from(
    `${JSON.stringify({ identity, step, lengths: arrays.map(({ length }) => length) })}\n`,
  );
  const temporary = `${path}.part`;
  const fd = openSync(temporary, 'w');
  try {
    const parts = [head, ...arrays.map((a) => Buffer.from(a.buffer, a.byteOffset, a.byteLength))];
    for (const part of parts)
      for (let done = 0; done < part.length;) done += writeSync(fd, part, done, part.length - done);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
}

/**
 * The checkpoint at `path`, null where there is none. Failures: `checkpoint-other` (of another run),
 * `checkpoint-corrupt`, and those of `parseJsonWith`.
 */
export function readCheckpoint(path: string, identity: string): Result<Checkpoint | null> {
  if (!existsSync(path)) return ok(null);
  const bytes = readFileSync(path);
  const headEnd = bytes.indexOf(0x0a);
  const head = parseJsonWith(headSchema, bytes.toString('utf8', 0, Math.max(0, headEnd)), path);
  if (!head.ok) return head;
  if (head.value.identity !== identity)
    return fail(
      'checkpoint-other',
      `${path} belongs to a run with other settings or other text.`,
      'Remove it, or name another work folder.',
    );
  const arrays: Float32Array[] = [];
  let offset = headEnd + 1;
  for (const length of head.value.lengths) {
    // Copied: a Float32Array must start at a multiple of four bytes.
    arrays.push(new Float32Array(new Uint8Array(bytes.subarray(offset, offset + 4 * length)).buffer));
    offset += 4 * length;
  }
  if (offset !== bytes.length)
    return fail('checkpoint-corrupt', `${path} is damaged.`, 'Remove it; training starts anew.');
  return ok({ step: head.value.step, arrays });
}
