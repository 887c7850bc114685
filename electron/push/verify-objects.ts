import { ok, type Result } from '../../core/result.ts';
import type { PhoneLink } from '../adb/phone-link.ts';
import { OBJECTS } from './phone-layout.ts';
import { commandFailure, runScript } from './phone-shell.ts';

/**
 * Compares what `objects/<sha256>.part` hash to on the phone, hashing there those that are not in `known`; what fits its name loses the `.part`, the rest is removed.
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
  const found = new Map(known);
  const unknown = hashes.filter((hash) => !known.has(hash));
  if (unknown.length > 0) {
    const parts = unknown.map((hash) => `${hash}.part`).join(' ');
    const options = { signal, timeoutMs: null };
    const sums = await runScript(link, serial, `cd ${OBJECTS} && sha256sum ${parts}`, options);
    if (!sums.ok) return sums;
    for (const match of sums.value.stdout.matchAll(/^([0-9a-f]{64}) [ *](\w+)\.part$/gm))
      found.set(match[2] ?? '', match[1] ?? '');
    if (found.size === 0) return commandFailure('sha256sum', sums.value);
  }
  const good = hashes.filter((hash) => found.get(hash) === hash);
  const bad = hashes.filter((hash) => !good.includes(hash));
  const moves = good.map((hash) => `mv -f ${hash}.part ${hash}`);
  const removals = bad.length === 0 ? [] : [`rm -f ${bad.map((hash) => `${hash}.part`).join(' ')}`];
  const named = await runScript(
    link,
    serial,
    [`cd ${OBJECTS} || exit 1`, ...removals, ...joined(moves)].join('\n'),
  );
  if (!named.ok) return named;
  return named.value.exitCode === 0 ? ok(bad) : commandFailure('Naming verified files', named.value);
}

function joined(commands: readonly string[]): string[] {
  return commands.map((command) => `${command} || exit 1`);
}
