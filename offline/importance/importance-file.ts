import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { z } from 'zod';
import type { ModelConfig } from '../../core/model-config.ts';
import { firstIssue } from '../../core/parse.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { UnitImportance } from './unit-importance.ts';

const scores = z.array(z.number()).transform((values) => Float32Array.from(values));

/** What a layer's blocks matter, beside the scores of its units. */
export const BLOCK_SCORES = {
  mlp: z.number(),
  attention: z.number(),
  layer: z.number().optional(),
  influence: z.number().optional(),
  cuts: z
    .object({
      attention: z.number(),
      mlp: z.array(z.object({ neurons: z.number().int().positive(), loss: z.number() })),
    })
    .optional(),
};

function importanceSchema({ layers, ffnSize, kvHeads }: ModelConfig): z.ZodType<UnitImportance> {
  return z.object({
    method: z.string(),
    acrossLayers: z.boolean().default(false),
    layers: z
      .array(
        z.object({
          neurons: scores.refine(({ length }) => length === ffnSize, `must have ${ffnSize} scores`),
          kvGroups: scores.refine(({ length }) => length === kvHeads, `must have ${kvHeads} scores`),
          ...BLOCK_SCORES,
        }),
      )
      .length(layers),
  });
}

/** Writes importance as JSON, whole or not at all. */
export function writeImportance(path: string, importance: UnitImportance): void {
  const text = JSON.stringify(importance, (_, value: unknown) =>
    value instanceof Float32Array ? [...value] : value,
  );
  const temporary = `${path}.${process.pid}.part`;
  const file = openSync(temporary, 'w');
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

/** Reads what {@link writeImportance} wrote. Failure: `importance-unreadable`. */
export function readImportance(path: string, config: ModelConfig): Result<UnitImportance> {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail('importance-unreadable', `${path}: ${reason}`, 'Measure the importance again.');
  }
  const parsed = importanceSchema(config).safeParse(json);
  if (parsed.success) return ok(parsed.data);
  return fail(
    'importance-unreadable',
    `${path}: ${firstIssue(parsed.error)}`,
    'Measure the importance again.',
  );
}
