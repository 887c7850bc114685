import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { z } from 'zod';
import type { AdamWState } from '../training/adamw.ts';

/** A training run between two steps: everything that the next step depends on. */
export interface Checkpoint {
  readonly parameters: Float32Array;
  readonly optimizer: AdamWState;
  /** The best parameters so far by held-out loss. */
  readonly best: Float32Array;
  readonly bestLoss: number;
  readonly bestStep: number;
}

const headerSchema = z.object({
  /** What is being trained and how: a checkpoint of anything else is not resumed. */
  identity: z.string(),
  size: z.int().positive(),
  step: z.int().nonnegative(),
  bestLoss: z.number().nullable(),
  bestStep: z.int().nonnegative(),
});

/** Writes to a temporary name, flushes and renames: a kill at any time leaves the last whole checkpoint. */
export function writeCheckpoint(path: string, identity: string, checkpoint: Checkpoint): void {
  const { parameters, optimizer, best } = checkpoint;
  const header = {
    identity,
    size: parameters.length,
    step: optimizer.step,
    bestLoss: Number.isFinite(checkpoint.bestLoss) ? checkpoint.bestLoss : null,
    bestStep: checkpoint.bestStep,
  };
  const line = Buffer.from(`${JSON.stringify(header)}\n`);
  const temporary = `${path}.part`;
  const fd = openSync(temporary, 'w');
  try {
    for (const part of [line, parameters, optimizer.first, optimizer.second, best]) {
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
  const { size, step, bestLoss, bestStep } = header.data;
  if (bytes.length !== end + 1 + size * 16) return null;
  const piece = (index: number): Float32Array => {
    const from = bytes.byteOffset + end + 1 + index * size * 4;
    return new Float32Array(bytes.buffer.slice(from, from + size * 4));
  };
  return {
    parameters: piece(0),
    optimizer: { step, first: piece(1), second: piece(2) },
    best: piece(3),
    bestLoss: bestLoss ?? Infinity,
    bestStep,
  };
}
