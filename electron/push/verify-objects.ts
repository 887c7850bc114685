import { ok, type Result } from '../../core/result.ts';
import type { PhoneLink } from '../adb/phone-link.ts';
import { OBJECTS } from './phone-layout.ts';
import { commandFailure, runScript } from './phone-shell.ts';

/**
 * Compares what `objects/<sha256>.part` hash to on the phone, hashing there those that are not in `known`; what fits
 * its name loses the `.part`, the rest is removed. One round trip.
 *
 * @param known object name -> hash that the phone computed while it received the content.
 * @returns the hashes whose content did not fit.
 */
export async function verifyObjects(
  link: PhoneLink,
  serial: string,
  hashes: readonly string[],
  known: ReadonlyMap<string, string>,
  signal: AbortSignal | undefined,
): Promise<Result<readonly string[]>> {
  if (hashes.length === 0) return ok([]);
  const steps = hashes.map((hash) => {
    const keep = `mv -f ${hash}.part ${hash} || exit 1`;
    const drop = `rm -f ${hash}.part; echo ${hash}`;
    const found = known.get(hash);
    if (found !== undefined) return found === hash ? keep : drop;
    return `sum=$(sha256sum ${hash}.part) || exit 1\ncase "$sum" in ${hash}*) ${keep};; *) ${drop};; esac`;
  });
  const script = [`cd ${OBJECTS} || exit 1`, ...steps].join('\n');
  const run = await runScript(link, serial, script, { signal, timeoutMs: null });
  if (!run.ok) return run;
  if (run.value.exitCode !== 0) return commandFailure('Verifying what arrived', run.value);
  const bad = run.value.stdout.split('\n');
  return ok(hashes.filter((hash) => bad.includes(hash)));
}
