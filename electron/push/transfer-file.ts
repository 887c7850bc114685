import type { BundleFile } from '../../core/bundle-manifest.ts';
import { ok, type Result } from '../../core/result.ts';
import type { PhoneLink } from '../adb/phone-link.ts';
import { FREE_SPACE_COMMAND, parseFreeBytes } from '../devices/free-space.ts';
import { OBJECTS } from './phone-layout.ts';
import { commandFailure, isFull, phoneFull } from './phone-shell.ts';

/** Below this, one request of the sync service beats starting processes on the phone. */
const SMALL_FILE_BYTES = 2 * 1024 * 1024;

export interface Transfer {
  readonly file: BundleFile;
  readonly local: string;
  /** Bytes at the front that the phone has. */
  readonly offsetBytes: number;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of this file that travelled, without the offset. */
  readonly onBytes: (bytes: number) => void;
}

/** Whether a transfer goes through the phone's `tee` (and not the sync service). */
export function isStreamed({ file, offsetBytes }: Pick<Transfer, 'file' | 'offsetBytes'>): boolean {
  return file.sizeBytes > SMALL_FILE_BYTES || offsetBytes > 0;
}

/**
 * Brings a file's content into `objects/<sha256>.part`. A large one is appended by the phone's `tee`, since
 * adbd deletes what a cut sync transfer left: so a cut costs nothing that arrived. `sha256sum` reads along, on
 * another core of a real phone, so that hashing takes no time of its own.
 *
 * @returns SHA-256 of the whole part as the phone computed it (something else when the size is wrong already),
 * null when it has yet to be computed.
 */
export async function transferFile(
  link: PhoneLink,
  serial: string,
  transfer: Transfer,
): Promise<Result<string | null>> {
  const { file, local, offsetBytes, signal, onBytes } = transfer;
  const what = `Pushing ${file.path}`;
  const part = `${OBJECTS}/${file.sha256}.part`;
  if (offsetBytes === file.sizeBytes && offsetBytes > 0) return ok(null);
  if (!isStreamed(transfer)) {
    const pushed = await link.push(serial, { file: local, start: 0 }, part, { signal, onBytes });
    if (pushed.ok) return ok(null);
    return isFull(pushed.failure.message) ? phoneFull(what) : pushed;
  }
  const receive = offsetBytes === 0 ? `tee ${part}` : `{ cat ${part}; tee -a ${part}; }`;
  const script = `${receive} | sha256sum; stat -c %s ${part}; ${FREE_SPACE_COMMAND}`;
  const output = await link.shell(serial, script, {
    signal,
    timeoutMs: null,
    stdin: { file: local, start: offsetBytes },
    onStdinBytes: onBytes,
  });
  if (!output.ok) return output;
  const [hash = '', sizeBytes = '', ...df] = output.value.stdout.split('\n');
  if (Number(sizeBytes) === file.sizeBytes) return ok(/^[0-9a-f]{64}/.exec(hash)?.[0] ?? null);
  // A `tee` that could not write everything tells it by words on some phones and not at all on others.
  const freeBytes = parseFreeBytes(df.join('\n'));
  const isShort = freeBytes !== null && freeBytes < file.sizeBytes - Number(sizeBytes);
  if (isShort || isFull(output.value.stderr)) return phoneFull(what);
  if (sizeBytes.trim() === '') return commandFailure(what, output.value);
  // Something else wrote to it, or the phone lost bytes: as damaged as content that hashes to something else.
  return ok(WRONG_SIZE);
}

const WRONG_SIZE = 'wrong size';
