import { fail, type Result } from '../../core/result.ts';
import { errorCode, errorMessage } from '../files/atomic-file.ts';

/** The server's own words for a device that can't be used now. */
const GONE =
  /device '?.*'? ?not found|device offline|device unauthorized|no devices|device still|closed|not found: /i;

/** Errors of the file that is sent. */
const LOCAL_FILE = ['ENOENT', 'EACCES', 'EPERM', 'EISDIR', 'EIO'];

/** Thrown inside this folder when a caller's AbortSignal fires. */
export class AbortedError extends Error {
  constructor() {
    super('aborted');
    this.name = 'AbortedError';
  }
}

/** Thrown inside this folder when the server closes a conversation before its end. */
export class ConnectionLostError extends Error {
  constructor() {
    super('the adb connection ended early');
    this.name = 'ConnectionLostError';
  }
}

export class PhoneTimeoutError extends Error {
  constructor(afterMs: number) {
    super(`no answer within ${afterMs / 1000} s`);
    this.name = 'PhoneTimeoutError';
  }
}

/** An error of an adb conversation as a `Result`; see {@link PhoneLink} for the codes. */
export function adbFailure(error: unknown, what: string, serial?: string): Result<never> {
  const phone = serial === undefined ? 'The phone' : `Phone ${serial}`;
  if (error instanceof AbortedError) return fail('aborted', `${what} was cancelled.`);
  if (error instanceof PhoneTimeoutError)
    return fail('phone-timeout', `${phone} did not answer: ${what}, ${error.message}.`, 'Replug the phone.');
  const code = errorCode(error);
  if (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'ERR_INVALID_ARG_VALUE')
    return fail('adb-unreachable', 'No adb server answers.', 'Run `npm run doctor`.', errorMessage(error));
  const message = errorMessage(error);
  if (code !== undefined && LOCAL_FILE.includes(code))
    return fail('file-unreadable', `${what} failed, a file of this computer can't be read: ${message}.`);
  const name = error instanceof Error ? error.name : '';
  if (
    error instanceof ConnectionLostError ||
    code === 'ECONNRESET' ||
    code === 'EPIPE' ||
    name === 'PrematureEOFError' ||
    GONE.test(message)
  )
    return fail(
      'phone-gone',
      `${phone} went away: ${what} was cut.`,
      'Plug it in again; Bungee goes on by itself.',
      message,
    );
  return fail('adb-error', `${what} failed: ${message}.`, 'Run `npm run doctor`.', message);
}
