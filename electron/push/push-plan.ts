import type { BundleFile } from '../../core/bundle-manifest.ts';
import type { PhoneInventory, PhoneSet } from './phone-inventory.ts';

/** How a file of the wanted set gets into the set's folder. */
export interface PushPlan {
  /** Contents that must travel, each once, with the bytes that are there already from a cut push. */
  readonly transfers: readonly { readonly file: BundleFile; readonly offsetBytes: number }[];
  /** Paths that come from another set on the phone. */
  readonly reuses: readonly { readonly path: string; readonly from: string }[];
  /** Paths that come from `objects/`, moved by the first and linked or copied by further ones. */
  readonly fromObjects: readonly BundleFile[];
  readonly bytesToTravel: number;
  readonly bytesResumed: number;
  /** What the push takes up on the phone. */
  readonly bytesNeeded: number;
  readonly filesSkipped: number;
}

/**
 * Plans a push of the set `setId`. `intact` holds the paths (`sets/<id>/<path>`) of other sets' files that are as their stamps
 * say; only those are reused.
 */
export function planPush(
  setId: string,
  files: readonly BundleFile[],
  inventory: PhoneInventory,
  intact: ReadonlySet<string>,
): PushPlan {
  const transfers = new Map<string, { file: BundleFile; offsetBytes: number }>();
  const reuses: { path: string; from: string }[] = [];
  const fromObjects: BundleFile[] = [];
  let copiedBytes = 0;
  const moved = new Set<string>();
  const isPlaced = (file: BundleFile): boolean => inventory.placed.get(file.path) === file.sizeBytes;
  const placed = new Map(
    files.filter(isPlaced).map((file) => [file.sha256, `sets/${setId}.new/${file.path}`]),
  );
  for (const file of files) {
    if (isPlaced(file)) continue;
    const from = placed.get(file.sha256) ?? reusable(file.sha256, inventory.sets, intact);
    if (from !== null) {
      reuses.push({ path: file.path, from });
      copiedBytes += inventory.hardLinks ? 0 : file.sizeBytes;
      continue;
    }
    if (moved.has(file.sha256) && !inventory.hardLinks) copiedBytes += file.sizeBytes;
    moved.add(file.sha256);
    fromObjects.push(file);
    const isComplete = inventory.objects.get(file.sha256)?.sizeBytes === file.sizeBytes;
    if (isComplete || transfers.has(file.sha256)) continue;
    const partBytes = inventory.objects.get(`${file.sha256}.part`)?.sizeBytes ?? 0;
    transfers.set(file.sha256, { file, offsetBytes: partBytes <= file.sizeBytes ? partBytes : 0 });
  }
  const list = [...transfers.values()];
  const bytesResumed = list.reduce((sum, t) => sum + t.offsetBytes, 0);
  const bytesToTravel = list.reduce((sum, t) => sum + t.file.sizeBytes - t.offsetBytes, 0);
  return {
    transfers: list,
    reuses,
    fromObjects,
    bytesToTravel,
    bytesResumed,
    bytesNeeded: bytesToTravel + copiedBytes,
    filesSkipped: files.length - list.length,
  };
}

function reusable(sha256: string, sets: readonly PhoneSet[], intact: ReadonlySet<string>): string | null {
  for (const set of sets)
    for (const [path, file] of set.files) {
      const from = `sets/${set.id}/${path}`;
      if (file.sha256 === sha256 && intact.has(from)) return from;
    }
  return null;
}

/** Sets of a group that are kept besides the one in use: a way back without a push. */
export const SETS_KEPT = 2;
/** A cut push may be taken up again within this time. */
const OBJECT_LIFETIME_S = 24 * 3600;

/**
 * Names below the phone's root that may be removed.
 *
 * @param hard space is short: everything goes that is neither wanted nor in use.
 */
export function garbage(
  inventory: PhoneInventory,
  wanted: { readonly setId: string; readonly group: string; readonly files: readonly BundleFile[] },
  inUse: ReadonlySet<string>,
  hard: boolean,
): string[] {
  const hashes = new Set(wanted.files.map((file) => file.sha256));
  const objects = [...inventory.objects].filter(([name, { mtimeS }]) => {
    if (hashes.has(name.replace(/\.part$/, ''))) return false;
    return hard || !name.endsWith('.part') || inventory.nowS - mtimeS > OBJECT_LIFETIME_S;
  });
  const sets = inventory.sets.filter((set) => set.id !== wanted.setId && !inUse.has(set.id));
  const old = sets
    .filter((set) => set.group === wanted.group)
    .sort((a, b) => b.usedAtS - a.usedAtS)
    .slice(hard ? 0 : SETS_KEPT - 1);
  return [...objects.map(([name]) => `objects/${name}`), ...old.map((set) => `sets/${set.id}`)];
}
