import { fail, ok, type Result } from '../../../core/result.ts';

const MAGIC = '!<arch>\n';
const HEADER_BYTES = 60;

/**
 * Members of a Unix `ar` archive (a Debian package is one) by name; BSD's and GNU's long names do not occur in
 * packages and are taken as they stand. Failure `archive-unreadable`.
 */
export function readAr(bytes: Buffer, what: string): Result<ReadonlyMap<string, Buffer>> {
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC)
    return fail('archive-unreadable', `${what} is not an ar archive.`);
  const members = new Map<string, Buffer>();
  let at = MAGIC.length;
  while (at < bytes.length) {
    const header = bytes.toString('latin1', at, at + HEADER_BYTES);
    const sizeBytes = Number(header.slice(48, 58));
    const start = at + HEADER_BYTES;
    if (!header.endsWith('`\n') || !Number.isInteger(sizeBytes) || start + sizeBytes > bytes.length)
      return fail('archive-unreadable', `${what} is damaged at byte ${at}.`);
    const name = header.slice(0, 16).trimEnd().replace(/\/$/, '');
    members.set(name, bytes.subarray(start, start + sizeBytes));
    // Members begin at even offsets.
    at = start + sizeBytes + (sizeBytes % 2);
  }
  return ok(members);
}
