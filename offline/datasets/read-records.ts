import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { z } from 'zod';
import { parseJsonWith } from '../../core/parse.ts';
import { fail, ok, type Result } from '../../core/result.ts';

/** The text of a data file; failure `data-unreadable`. */
export function readDataFile(path: string): Result<string> {
  try {
    return ok(readFileSync(path, 'utf8').replace(/^\uFEFF/, ''));
  } catch (error) {
    return fail('data-unreadable', `${path} cannot be read.`, 'Check the path.', String(error));
  }
}

/** A record with the words that name its place in a message: `arc.jsonl line 12`, `tasks.json item 3`. */
export interface PlacedRecord<T> {
  readonly value: T;
  readonly place: string;
}

/**
 * Records of a `.jsonl` file (one per line, empty lines passed over) or of a `.json` file (one array).
 * Failures: `data-unreadable`, `invalid-json`, `invalid-input` naming line or item, `data-empty`.
 */
export function readRecords<T>(path: string, schema: z.ZodType<T>): Result<PlacedRecord<T>[]> {
  const text = readDataFile(path);
  if (!text.ok) return text;
  const records: PlacedRecord<T>[] = [];
  if (path.toLowerCase().endsWith('.json')) {
    const whole = parseJsonWith(schema.array(), text.value, path);
    if (!whole.ok) return whole;
    whole.value.forEach((value, at) => records.push({ value, place: `${basename(path)} item ${at}` }));
  } else {
    let line = 0;
    for (const row of text.value.split('\n')) {
      line += 1;
      if (row.trim() === '') continue;
      const parsed = parseJsonWith(schema, row, `${path} line ${line}`);
      if (!parsed.ok) return parsed;
      records.push({ value: parsed.value, place: `${basename(path)} line ${line}` });
    }
  }
  if (records.length === 0) return fail('data-empty', `${path} holds no records.`);
  return ok(records);
}
