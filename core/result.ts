/**
 * Expected failures are values: a function that can fail for reasons outside the program returns a
 * `Result`; bugs throw.
 */

/** One clear line for a person: what happened, where, and how to mend it. */
export interface Failure {
  /** Stable kebab-case identifier, e.g. `bundle-corrupt`; see each function's documentation. */
  readonly code: string;
  /** What happened and to which file, phone or request; one sentence. */
  readonly message: string;
  /** What the user can do about it; one sentence or a command. */
  readonly remedy?: string | undefined;
  /** Raw output behind the message (stderr, stack), shown on demand. */
  readonly detail?: string | undefined;
}

export type Result<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

export function ok<T>(value: T): Result<T> {
  return { ok: true, value };
}

export function fail(code: string, message: string, remedy?: string, detail?: string): Result<never> {
  return { ok: false, failure: { code, message, remedy, detail } };
}

/** `message` and `remedy` of a failure in one line, as commands print it. */
export function describeFailure(failure: Failure): string {
  return failure.remedy === undefined ? failure.message : `${failure.message} ${failure.remedy}`;
}

/** Thrown where a `Result` cannot be returned (callbacks of libraries); carries the failure. */
export class FailureError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(describeFailure(failure));
    this.name = 'FailureError';
    this.failure = failure;
  }
}

/** The value of a result; throws a `FailureError` when it is a failure. For commands and tests. */
export function unwrap<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new FailureError(result.failure);
}
