import type { BundleFile } from '../../core/bundle-manifest.ts';
import type { PushProgress, PushReport } from '../../core/push.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { PhoneLink } from '../adb/phone-link.ts';
import { shellQuote } from '../adb/shell-protocol.ts';
import type { LocalFileSet } from '../files/local-file-set.ts';
import { pause } from '../files/pause.ts';
import { assembleSet } from './assemble-set.ts';
import {
  hasInventory,
  inventoryScript,
  isSetIntact,
  lookScript,
  parseInventory,
  parseStamp,
  type PhoneInventory,
} from './phone-inventory.ts';
import { PHONE_ROOT } from './phone-layout.ts';
import { commandFailure, runScript } from './phone-shell.ts';
import { ProgressMeter } from './progress-meter.ts';
import { garbage, planPush, type PushPlan } from './push-plan.ts';
import { sendContents } from './send-contents.ts';

export interface PushFileSetOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: PushProgress) => void;
  /** Sets that the phone is running from; they are not collected. */
  readonly inUse?: ReadonlySet<string>;
}

/** Left free on the phone after a push: Android misbehaves on a full /data. */
const SPARE_BYTES = 16 * 1024 * 1024;

/**
 * Brings a set of files to `setFolder(set.id)` on the phone. Only missing contents travel; a cut push is taken
 * up where it stopped; each content is verified by SHA-256 on the phone before it can be seen; the set appears
 * as a whole or not at all, and a set that was there stays as it is until then. An unchanged set costs one
 * round trip.
 *
 * Failures: `phone-space` (before anything travels, where that can be known), `push-hash-mismatch`,
 * `phone-command`, and those of {@link PhoneLink}.
 */
export async function pushFileSet(
  link: PhoneLink,
  serial: string,
  set: LocalFileSet,
  options: PushFileSetOptions = {},
): Promise<Result<PushReport>> {
  const startedAtMs = performance.now();
  const meter = new ProgressMeter(set.name, options.onProgress ?? (() => undefined));
  const done = (
    plan: Pick<PushPlan, 'bytesToTravel' | 'bytesResumed' | 'filesSkipped'>,
  ): Result<PushReport> => {
    meter.phase('done', { etaMs: null });
    return ok({
      bytes: plan.bytesToTravel,
      seconds: (performance.now() - startedAtMs) / 1000,
      filesPushed: set.files.length - plan.filesSkipped,
      filesSkipped: plan.filesSkipped,
      bytesResumed: plan.bytesResumed,
    });
  };
  meter.phase('checking', { filesTotal: set.files.length });
  const script = lookScript(set.id, set.files);
  const look = await runScript(link, serial, script, { signal: options.signal });
  if (!look.ok) return look;
  if (isSetIntact(look.value.stdout, set.files)) {
    meter.phase('checking', { filesSkipped: set.files.length });
    return done({ bytesToTravel: 0, bytesResumed: 0, filesSkipped: set.files.length });
  }
  // A set that is there but not as it was has to be looked at again, as one push in many.
  const isInventory = look.value.exitCode === 0 && hasInventory(look.value.stdout);
  const first = isInventory ? parseInventory(look.value.stdout) : null;
  const planned = await plan(link, serial, set, first, options);
  if (!planned.ok) return planned;
  const travelled = await sendContents(link, serial, set, planned.value, meter, options.signal);
  if (!travelled.ok) return travelled;
  const assembled = await assembleSet(link, serial, set, planned.value, options.signal);
  if (!assembled.ok) return assembled;
  await collectGarbage(link, serial, set, assembled.value, options, false);
  return done(planned.value);
}

async function readInventory(
  link: PhoneLink,
  serial: string,
  set: LocalFileSet,
  signal: AbortSignal | undefined,
): Promise<Result<PhoneInventory>> {
  const output = await runScript(link, serial, inventoryScript(set.id, set.files), { signal });
  if (!output.ok) return output;
  if (output.value.exitCode !== 0) return commandFailure('Looking at what the phone has', output.value);
  return ok(parseInventory(output.value.stdout));
}

/** Between two looks at parts that a cut push left, ms. */
const SETTLE_MS = 250;
const MAX_LOOKS = 40;

/**
 * The inventory once nothing grows any more: after a cut or a cancel the phone still writes what was on its
 * way, and a second writer behind it would spoil the part.
 */
async function settledInventory(
  link: PhoneLink,
  serial: string,
  set: LocalFileSet,
  first: PhoneInventory | null,
  signal: AbortSignal | undefined,
): Promise<Result<PhoneInventory>> {
  let before = '';
  for (let look = 0; ; look++) {
    const inventory =
      look === 0 && first !== null ? ok(first) : await readInventory(link, serial, set, signal);
    if (!inventory.ok) return inventory;
    const parts = set.files
      .map(({ sha256 }) => inventory.value.objects.get(`${sha256}.part`)?.sizeBytes)
      .filter((sizeBytes) => sizeBytes !== undefined);
    const now = parts.join(' ');
    if (parts.length === 0 || now === before || look >= MAX_LOOKS) return inventory;
    before = now;
    await pause(SETTLE_MS, signal);
  }
}

async function plan(
  link: PhoneLink,
  serial: string,
  set: LocalFileSet,
  first: PhoneInventory | null,
  options: PushFileSetOptions,
): Promise<Result<PushPlan>> {
  for (const hard of [false, true]) {
    const inventory = await settledInventory(link, serial, set, hard ? null : first, options.signal);
    if (!inventory.ok) return inventory;
    const intact = await intactFiles(link, serial, set.files, inventory.value, options.signal);
    if (!intact.ok) return intact;
    const planned = planPush(set.id, set.files, inventory.value, intact.value);
    const { freeBytes } = inventory.value;
    if (freeBytes === null || planned.bytesNeeded + SPARE_BYTES <= freeBytes || planned.bytesNeeded === 0)
      return ok(planned);
    if (hard)
      return fail(
        'phone-space',
        `${set.name} needs ${megabytes(planned.bytesNeeded + SPARE_BYTES)} on the phone, which has ${megabytes(freeBytes)} free.`,
        `Free ${megabytes(planned.bytesNeeded + SPARE_BYTES - freeBytes)} on the phone, or choose a smaller bundle (q4).`,
      );
    // Too little: what no agent runs from has to go, then look again.
    await collectGarbage(link, serial, set, inventory.value, options, true);
  }
  throw new Error('unreachable');
}

function megabytes(bytes: number): string {
  return `${Math.max(1, Math.ceil(bytes / 1e6))} MB`;
}

/** Files of other sets that hold a wanted content and are as they were when they were verified. */
async function intactFiles(
  link: PhoneLink,
  serial: string,
  files: readonly BundleFile[],
  inventory: PhoneInventory,
  signal: AbortSignal | undefined,
): Promise<Result<ReadonlySet<string>>> {
  const wanted = new Set(files.map((file) => file.sha256));
  const stamps = new Map<string, string>();
  for (const set of inventory.sets)
    for (const [path, file] of set.files)
      if (wanted.has(file.sha256)) stamps.set(`sets/${set.id}/${path}`, file.stamp);
  if (stamps.size === 0) return ok(new Set<string>());
  const paths = [...stamps.keys()].map(shellQuote).join(' ');
  const script = `cd ${PHONE_ROOT} && stat -c '%s %Y %n' ${paths} 2>/dev/null; true`;
  const output = await runScript(link, serial, script, { signal });
  if (!output.ok) return output;
  const now = parseStamp(output.value.stdout);
  return ok(new Set([...stamps].filter(([path, line]) => now.get(path) === line).map(([path]) => path)));
}

/** Best effort: garbage that stays costs space, not correctness. */
async function collectGarbage(
  link: PhoneLink,
  serial: string,
  set: LocalFileSet,
  inventory: PhoneInventory,
  options: PushFileSetOptions,
  hard: boolean,
): Promise<void> {
  const wanted = { setId: set.id, group: set.group, files: set.files };
  const names = garbage(inventory, wanted, options.inUse ?? new Set(), hard);
  if (names.length === 0) return;
  await runScript(link, serial, `cd ${PHONE_ROOT} && rm -rf ${names.map(shellQuote).join(' ')}`);
}
