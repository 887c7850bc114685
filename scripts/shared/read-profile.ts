import { readFileSync } from 'node:fs';
import { latencyProfileSchema, type LatencyProfile } from '../../core/latency-profile.ts';
import { parseJsonWith } from '../../core/parse.ts';
import { fail, type Result } from '../../core/result.ts';

/** A phone's latency profile from a file. Failures: `profile-missing`, those of the parser. */
export function readProfile(path: string): Result<LatencyProfile> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return fail(
      'profile-missing',
      `${path} cannot be read.`,
      'Name a profile that `npm run profile` wrote.',
      String(error),
    );
  }
  return parseJsonWith(latencyProfileSchema, text, path);
}
