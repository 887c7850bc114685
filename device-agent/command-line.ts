import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { parseWith } from '../core/parse.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { defaultThreads, firstLine } from './engine/open-session.ts';
import type { SegmentForm } from './engine/open-engine.ts';

export const USAGE =
  'usage: BUNGEE_TOKEN=<16 characters or more> node agent.mjs --bundle DIR --home DIR [--port N] [--threads N] [--segment-form auto|zero-row|conditional] [--guard-correction on|off]';

export interface AgentOptions {
  readonly bundleDir: string;
  /** Folder of the agent's own files: state, profiles, verified hashes. */
  readonly home: string;
  /** 0 = any free one. */
  readonly port: number;
  readonly threads: number;
  readonly segmentForm: SegmentForm | 'auto';
  /** Correct the profile's predictions by what is measured while serving; off is for comparison. */
  readonly guardCorrection: boolean;
  readonly token: string;
}

const wholeNumber = (from: number, to: number): z.ZodType<number> =>
  z.string().regex(/^\d+$/, 'must be a whole number').transform(Number).pipe(z.number().min(from).max(to));

const optionsSchema = z.object({
  bundle: z.string({ error: 'is missing' }).min(1, 'is empty'),
  home: z.string({ error: 'is missing' }).min(1, 'is empty'),
  port: wholeNumber(0, 65_535).optional(),
  threads: wholeNumber(1, 64).optional(),
  'segment-form': z.enum(['auto', 'zero-row', 'conditional']).optional(),
  'guard-correction': z.enum(['on', 'off']).optional(),
});
/** The token comes by the environment: command lines can be read by every app on the phone. */
const tokenSchema = z
  .string({ error: 'is missing' })
  .min(16, 'must have at least 16 characters')
  .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces');

/** Failures `usage`, one line each. */
export function readOptions(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Result<AgentOptions> {
  const usage = (message: string): Result<never> => fail('usage', message, USAGE);
  let values: unknown;
  try {
    const text = { type: 'string' } as const;
    values = parseArgs({
      args: [...args],
      options: {
        bundle: text,
        home: text,
        port: text,
        threads: text,
        'segment-form': text,
        'guard-correction': text,
      },
    }).values;
  } catch (error) {
    return usage(`${firstLine(error)}.`);
  }
  const parsed = parseWith(optionsSchema, values, 'The command line');
  if (!parsed.ok) return usage(parsed.failure.message);
  const token = parseWith(tokenSchema, environment['BUNGEE_TOKEN'], 'BUNGEE_TOKEN');
  if (!token.ok) return usage(token.failure.message);
  const { bundle, home, port, threads } = parsed.value;
  return ok({
    bundleDir: resolve(bundle),
    home: resolve(home),
    port: port ?? 0,
    threads: threads ?? defaultThreads(),
    segmentForm: parsed.value['segment-form'] ?? 'auto',
    guardCorrection: parsed.value['guard-correction'] !== 'off',
    token: token.value,
  });
}
