/** Errors of the phone's file system, worded as bionic's strerror words them. */

const ERRNO = {
  EPERM: { number: 1, text: 'Operation not permitted' },
  ENOENT: { number: 2, text: 'No such file or directory' },
  EIO: { number: 5, text: 'I/O error' },
  EACCES: { number: 13, text: 'Permission denied' },
  EBUSY: { number: 16, text: 'Device or resource busy' },
  EEXIST: { number: 17, text: 'File exists' },
  ENOTDIR: { number: 20, text: 'Not a directory' },
  EISDIR: { number: 21, text: 'Is a directory' },
  EINVAL: { number: 22, text: 'Invalid argument' },
  ENOSPC: { number: 28, text: 'No space left on device' },
  EROFS: { number: 30, text: 'Read-only file system' },
  ENAMETOOLONG: { number: 36, text: 'File name too long' },
  ENOTEMPTY: { number: 39, text: 'Directory not empty' },
  ELOOP: { number: 40, text: 'Too many symbolic links encountered' },
} as const;

export type Errno = keyof typeof ERRNO;

function isErrno(code: unknown): code is Errno {
  return typeof code === 'string' && Object.hasOwn(ERRNO, code);
}

/** Thrown by the phone's file system, as `node:fs` throws; caught where a command or a sync request ends. */
export class PhoneFileError extends Error {
  readonly errno: Errno;
  readonly path: string;

  constructor(errno: Errno, path: string) {
    super(`${path}: ${ERRNO[errno].text}`);
    this.name = 'PhoneFileError';
    this.errno = errno;
    this.path = path;
  }

  /** strerror text without the path. */
  get text(): string {
    return ERRNO[this.errno].text;
  }

  /** Linux errno number, as sync's STA2/LST2 carry it. */
  get number(): number {
    return ERRNO[this.errno].number;
  }
}

/** Runs a host file operation; its errno becomes a {@link PhoneFileError} that names the phone's path only. */
export function withPhonePath<T>(path: string, operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    throw toPhoneFileError(error, path);
  }
}

/** A host error as the phone's; anything that carries no errno is a bug and stays as it is. */
export function toPhoneFileError(error: unknown, path: string): unknown {
  if (error instanceof PhoneFileError || !(error instanceof Error) || !('code' in error)) return error;
  const code = error.code;
  if (isErrno(code)) return new PhoneFileError(code, path);
  return typeof code === 'string' && code.startsWith('E') ? new PhoneFileError('EIO', path) : error;
}
