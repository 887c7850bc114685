/** A file or folder whose content is made when it is read (`/proc`, `/sys`, `/dev`, `/system/bin`). */
export type SyntheticNode =
  | { readonly kind: 'file'; readonly read: () => string }
  | { readonly kind: 'directory'; readonly names: () => readonly string[] }
  | { readonly kind: 'device'; readonly device: 'null' | 'zero' | 'random' };

/** Looks up canonical phone paths; undefined when it has no such node. */
export type SyntheticLookup = (path: string) => SyntheticNode | undefined;

/** A lookup over a fixed map of file paths; the folders between them follow from the paths. */
export function syntheticFiles(files: ReadonlyMap<string, () => string>): SyntheticLookup {
  const folders = new Map<string, Set<string>>();
  for (const path of files.keys()) {
    const names = path.split('/').slice(1);
    for (let depth = 0; depth < names.length; depth += 1) {
      const folder = `/${names.slice(0, depth).join('/')}`;
      const children = folders.get(folder) ?? new Set<string>();
      children.add(names[depth] ?? '');
      folders.set(folder, children);
    }
  }
  return (path) => {
    const read = files.get(path);
    if (read !== undefined) return { kind: 'file', read };
    const names = folders.get(path);
    return names === undefined ? undefined : { kind: 'directory', names: () => [...names].sort() };
  };
}

/** The first lookup that knows a path; folders known to several show the names of all. */
export function mergeLookups(lookups: readonly SyntheticLookup[]): SyntheticLookup {
  return (path) => {
    const found = lookups.map((lookup) => lookup(path)).filter((node) => node !== undefined);
    const folders = found.filter((node) => node.kind === 'directory');
    if (folders.length < 2 || found[0]?.kind !== 'directory') return found[0];
    return {
      kind: 'directory',
      names: () => [...new Set(folders.flatMap((folder) => [...folder.names()]))].sort(),
    };
  };
}

const DEVICES: ReadonlyMap<string, 'null' | 'zero' | 'random'> = new Map([
  ['/dev/null', 'null'],
  ['/dev/zero', 'zero'],
  ['/dev/random', 'random'],
  ['/dev/urandom', 'random'],
]);

export const deviceNodes: SyntheticLookup = (path) => {
  if (path === '/dev')
    return { kind: 'directory', names: () => [...DEVICES.keys()].map((name) => name.slice('/dev/'.length)) };
  const device = DEVICES.get(path);
  return device === undefined ? undefined : { kind: 'device', device };
};
