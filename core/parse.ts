import type { z } from 'zod';
import { fail, ok, type Result } from './result.ts';

/** The first thing wrong with a value, as `path: message`. */
export function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return 'invalid';
  const path = issue.path.map(String).join('.');
  return path === '' ? issue.message : `${path}: ${issue.message}`;
}

/**
 * Parses input from outside (IPC, HTTP, adb, files, CLI) by a schema.
 *
 * @param what names the input in the failure message, e.g. `manifest.json of ./bundle`.
 * @returns the parsed value, or failure `invalid-input` that names the first wrong field.
 */
export function parseWith<T>(schema: z.ZodType<T>, input: unknown, what: string): Result<T> {
  const parsed = schema.safeParse(input);
  return parsed.success
    ? ok(parsed.data)
    : fail('invalid-input', `${what} is invalid: ${firstIssue(parsed.error)}.`);
}

/** As {@link parseWith}, from JSON text; failure `invalid-json` when it is no JSON. */
export function parseJsonWith<T>(schema: z.ZodType<T>, text: string, what: string): Result<T> {
  let input: unknown;
  try {
    input = JSON.parse(text);
  } catch (error) {
    return fail(
      'invalid-json',
      `${what} is not valid JSON: ${error instanceof Error ? error.message : String(error)}.`,
    );
  }
  return parseWith(schema, input, what);
}
