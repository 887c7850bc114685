import { fail, ok, type Failure, type Result } from '../../core/result.ts';
import type { PhoneLink } from '../adb/phone-link.ts';
import type { LocalFileSet } from '../files/local-file-set.ts';
import type { ProgressMeter } from './progress-meter.ts';
import type { PushPlan } from './push-plan.ts';
import { isStreamed, transferFile } from './transfer-file.ts';
import { verifyObjects } from './verify-objects.ts';

type Transfers = PushPlan['transfers'];

/**
 * Brings the planned contents into `objects/`, verified; what arrived damaged is sent once more.
 *
 * Failures: `push-hash-mismatch`, and those of {@link transferFile} and {@link verifyObjects}.
 */
export async function sendContents(
  link: PhoneLink,
  serial: string,
  set: LocalFileSet,
  plan: PushPlan,
  meter: ProgressMeter,
  signal: AbortSignal | undefined,
): Promise<Result<null>> {
  let pending = plan.transfers;
  let bytesTotal = plan.bytesToTravel;
  const { filesSkipped } = plan;
  for (const isLastTry of [false, true]) {
    meter.phase('pushing', { bytesTotal, filesSkipped, bytesDone: 0 });
    const known = await transferAll(link, serial, set, pending, (bytes) => meter.bytes(bytes), signal);
    if (!known.ok) return known;
    meter.phase('verifying', { bytesDone: bytesTotal, etaMs: null });
    const hashes = pending.map(({ file }) => file.sha256);
    const bad = await verifyObjects(link, serial, hashes, known.value, signal);
    if (!bad.ok) return bad;
    if (bad.value.length === 0) return ok(null);
    pending = pending
      .filter(({ file }) => bad.value.includes(file.sha256))
      .map(({ file }) => ({ file, offsetBytes: 0 }));
    if (isLastTry) break;
    bytesTotal = pending.reduce((sum, { file }) => sum + file.sizeBytes, 0);
  }
  const path = pending[0]?.file.path ?? '';
  return fail(
    'push-hash-mismatch',
    `${path} arrived damaged twice, or changed on this computer since its SHA-256 was taken.`,
    'Check the cable, make the bundle again if the file is wrong, then push again.',
  );
}

/**
 * Large files one after the other, and the small ones, whose time is that of round trips, beside them. The first
 * failure ends the rest.
 *
 * @returns hashes that the phone computed while it received.
 */
async function transferAll(
  link: PhoneLink,
  serial: string,
  set: LocalFileSet,
  transfers: Transfers,
  onBytes: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<Result<ReadonlyMap<string, string>>> {
  const known = new Map<string, string>();
  const stop = new AbortController();
  const onAbort = (): void => stop.abort();
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  let failure: Failure | undefined;
  let totalBytes = 0;
  const sendEach = async (queue: Transfers): Promise<void> => {
    for (const { file, offsetBytes } of queue) {
      const local = set.sources.get(file.path);
      if (local === undefined) throw new Error(`no source for ${file.path}`);
      let counted = 0;
      const sent = await transferFile(link, serial, {
        file,
        local,
        offsetBytes,
        signal: stop.signal,
        onBytes: (bytes) => {
          totalBytes += bytes - counted;
          counted = bytes;
          onBytes(totalBytes);
        },
      });
      if (!sent.ok) {
        failure ??= sent.failure;
        stop.abort();
        return;
      }
      if (sent.value !== null) known.set(file.sha256, sent.value);
    }
  };
  try {
    await Promise.all([
      sendEach(transfers.filter(isStreamed)),
      sendEach(transfers.filter((transfer) => !isStreamed(transfer))),
    ]);
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
  return failure === undefined ? ok(known) : { ok: false, failure };
}
