import { fail, type Result } from '../../core/result.ts';
import type { PhoneLink, ShellOptions, ShellOutput } from '../adb/phone-link.ts';

/** Old adb servers refuse longer service names. */
const MAX_COMMAND_BYTES = 3500;

/** Runs a script of any length: a long one is read by the phone's `sh` from standard input. */
export function runScript(
  link: PhoneLink,
  serial: string,
  script: string,
  options: Omit<ShellOptions, 'stdin'> = {},
): Promise<Result<ShellOutput>> {
  return Buffer.byteLength(script) <= MAX_COMMAND_BYTES
    ? link.shell(serial, script, options)
    : link.shell(serial, 'sh', { ...options, stdin: Buffer.from(`${script}\n`) });
}

/** Failure for a command that ended with a non-zero exit code; `phone-space` when the phone is full. */
export function commandFailure(what: string, output: ShellOutput): Result<never> {
  const words = output.stderr.trim().split('\n').at(-1) ?? '';
  return isFull(output.stderr)
    ? phoneFull(what)
    : fail(
        'phone-command',
        `${what} failed on the phone: ${words === '' ? `exit code ${output.exitCode}` : words}.`,
        'Run `npm run doctor`.',
        output.stderr,
      );
}

export function isFull(words: string): boolean {
  return /No space left on device/i.test(words);
}

export function phoneFull(what: string): Result<never> {
  return fail(
    'phone-space',
    `${what}: the phone's storage is full.`,
    'Free some space on the phone; the next push goes on where this one stopped.',
  );
}
