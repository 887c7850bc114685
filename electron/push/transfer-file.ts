import type { BundleFile } from '../../core/bundle-manifest.ts';
import { ok, type Result } from '../../core/result.ts';
import type { PhoneLink } from '../adb/phone-link.ts';
import { OBJECTS } from './phone-layout.ts';
import { commandFailure, isFull, phoneFull } from './phone-shell.ts';

/** Below this, one request of the sync service beats starting a process on the phone. */
const SMALL_FILE_BYTES = 1024 * 1024;

export interface Transfer {
  readonly file: BundleFile;
  readonly local: string;
  /** Bytes at the front that the phone has. */
  readonly offsetBytes: number;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of this file that travelled, without the offset. */
  readonly onBytes: (bytes: number) => void;
}

/**
 * Brings a file's content into `objects/<sha256>.part`. A large one is appended by the phone's `cat`, since
 * adbd deletes what a cut sync transfer left: so a cut costs nothing that arrived.
 */
export async function transferFile(
  link: PhoneLink,
  serial: string,
  transfer: Transfer,
): Promise<Result<null>> {
  const { file, local, offsetBytes, signal, onBytes } = transfer;
  const part = `${OBJECTS}/${file.sha256}.part`;
  if (offsetBytes === file.sizeBytes && offsetBytes > 0) return ok(null);
  if (file.sizeBytes <= SMALL_FILE_BYTES && offsetBytes === 0) {
    const pushed = await link.push(serial, { file: local, start: 0 }, part, { signal, onBytes });
    return !pushed.ok && isFull(pushed.failure.message) ? phoneFull(`Pushing ${file.path}`) : pushed;
  }
  const redirect = offsetBytes === 0 ? '>' : '>>';
  const appended = await link.shell(serial, `cat ${redirect} ${part}`, {
    signal,
    timeoutMs: null,
    stdin: { file: local, start: offsetBytes },
    onStdinBytes: onBytes,
  });
  if (!appended.ok) return appended;
  return appended.value.exitCode === 0 ? ok(null) : commandFailure(`Pushing ${file.path}`, appended.value);
}
