import type { LocalFileSet } from '../files/local-file-set.ts';
import { ok, type Result } from '../../core/result.ts';
import type { PhoneLink } from '../adb/phone-link.ts';
import { shellQuote } from '../adb/shell-protocol.ts';
import { inventoryScript, parseInventory, type PhoneInventory } from './phone-inventory.ts';
import { PHONE_ROOT, SET_FILES, SET_STAMP, setFolder } from './phone-layout.ts';
import { commandFailure, runScript } from './phone-shell.ts';
import type { PushPlan } from './push-plan.ts';

/**
 * Puts a set together beside its place and moves it there in one step. It may be cut anywhere and run again:
 * files are moved or copied under their final name only when whole.
 *
 * @returns what the phone has then.
 */
export async function assembleSet(
  link: PhoneLink,
  serial: string,
  set: LocalFileSet,
  plan: PushPlan,
  signal: AbortSignal | undefined,
): Promise<Result<PhoneInventory>> {
  const script = [assembleScript(set, plan), inventoryScript(set.id, set.files)].join('\n');
  const run = await runScript(link, serial, script, { signal, timeoutMs: null });
  if (!run.ok) return run;
  return run.value.exitCode === 0
    ? ok(parseInventory(run.value.stdout))
    : commandFailure(`Putting ${set.name} together`, run.value);
}

function assembleScript(set: LocalFileSet, plan: PushPlan): string {
  const target = setFolder(set.id);
  const building = `${target}.new`;
  const at = (path: string): string => shellQuote(`${building}/${path}`);
  const folders = new Set(set.files.map((f) => f.path.split('/').slice(0, -1).join('/')));
  folders.delete('');
  const placedAt = new Map<string, string>();
  const place = plan.fromObjects.map((file) => {
    const first = placedAt.get(file.sha256);
    if (first !== undefined) return linkOrCopy(at(first), at(file.path));
    placedAt.set(file.sha256, file.path);
    return `mv -f objects/${file.sha256} ${at(file.path)} || exit 1`;
  });
  const listing = [`group ${set.group}`, ...set.files.map((f) => `${f.sha256} ${f.path}`)].map(shellQuote);
  const stamped = set.files.map((f) => shellQuote(f.path)).join(' ');
  return [
    `cd ${PHONE_ROOT} || exit 1`,
    `mkdir -p ${[building, ...[...folders].map((folder) => at(folder))].join(' ')} || exit 1`,
    ...plan.reuses.map(({ path, from }) => linkOrCopy(shellQuote(from), at(path))),
    ...place,
    `cd ${building} || exit 1`,
    ...(set.executables ?? []).map((path) => `chmod 755 ${shellQuote(path)} || exit 1`),
    `printf '%s\\n' ${listing.join(' ')} > ${SET_FILES} || exit 1`,
    `stat -c '%s %Y %n' ${stamped} > ${SET_STAMP} || exit 1`,
    `cd ${PHONE_ROOT} || exit 1`,
    `if [ -d ${target} ]; then rm -rf ${target}.old; mv ${target} ${target}.old || exit 1; fi`,
    `mv ${building} ${target} || exit 1`,
    `rm -rf ${target}.old`,
  ].join('\n');
}

/** A hard link where the phone's policy allows it, else a copy that appears under its name when whole. */
function linkOrCopy(from: string, to: string): string {
  return `ln -f ${from} ${to} 2>/dev/null || { cp ${from} ${to}.copy && mv -f ${to}.copy ${to}; } || exit 1`;
}
