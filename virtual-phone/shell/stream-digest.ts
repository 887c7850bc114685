import { createHash } from 'node:crypto';
import { DigestWorker, SLOT_BYTES, type DigestJob } from './digest-worker.ts';

/** Shorter inputs are hashed where they are: handing them over would take longer. */
const HAND_OVER_BYTES = 1024 * 1024;

/**
 * Digest of a stream, as a process of its own would compute it: what is long is hashed on another thread, so that
 * the phone goes on receiving meanwhile.
 *
 * @param algorithm name of node:crypto, for example `sha256`.
 * @returns the digest in hexadecimal digits.
 */
export async function streamDigest(algorithm: string, chunks: AsyncIterable<Uint8Array>): Promise<string> {
  let gathered: Uint8Array[] = [];
  let gatheredBytes = 0;
  let job: DigestJob | undefined;
  try {
    for await (const chunk of chunks) {
      gathered.push(chunk);
      gatheredBytes += chunk.length;
      if (gatheredBytes < (job === undefined ? HAND_OVER_BYTES : SLOT_BYTES)) continue;
      job ??= DigestWorker.shared().start(algorithm);
      await job.update(gathered);
      gathered = [];
      gatheredBytes = 0;
    }
    if (job !== undefined) {
      await job.update(gathered);
      return await job.digest();
    }
  } finally {
    job?.drop();
  }
  const hash = createHash(algorithm);
  for (const chunk of gathered) hash.update(chunk);
  return hash.digest('hex');
}
