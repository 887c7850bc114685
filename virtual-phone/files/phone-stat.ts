import type { Stats } from 'node:fs';
import { FACTORY_LINKS, ownerOf, type Owner } from './layout.ts';
import type { SyntheticNode } from './synthetic.ts';

export type FileKind = 'file' | 'directory' | 'symlink' | 'device';

export interface PhoneStat {
  readonly kind: FileKind;
  /** Full st_mode: type bits and permissions. */
  readonly mode: number;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  readonly links: number;
  readonly inode: number;
  /** Allocated blocks of 512 bytes. */
  readonly blocks: number;
  readonly owner: Owner;
}

const TYPE_BITS: Record<FileKind, number> = {
  file: 0o100000,
  directory: 0o040000,
  symlink: 0o120000,
  device: 0o020000,
};

/** Synthetic files carry the time at which the phone was switched on. */
const BOOTED_AT_MS = Date.now();

export function phoneStat(canonical: string, stat: Stats, owner: Owner): PhoneStat {
  const kind = stat.isDirectory() ? 'directory' : stat.isSymbolicLink() ? 'symlink' : 'file';
  // The factory's folders are made by the host's user: they show the rights that uid shell meets on a phone.
  const factoryMode =
    owner.user === 'shell' || owner.user === 'u0_a0' ? undefined : kind === 'directory' ? 0o755 : 0o644;
  return {
    kind,
    mode: TYPE_BITS[kind] | (canonical === '/data/local/tmp' ? 0o771 : (factoryMode ?? stat.mode & 0o7777)),
    sizeBytes: stat.size,
    mtimeMs: stat.mtimeMs,
    links: stat.nlink,
    inode: stat.ino,
    blocks: stat.blocks,
    owner,
  };
}

export function syntheticStat(
  canonical: string,
  node: SyntheticNode | { readonly kind: 'link'; readonly text: string },
): PhoneStat {
  const kind = node.kind === 'link' ? 'symlink' : node.kind;
  const permissions = canonical.startsWith('/system/bin/')
    ? 0o755
    : { file: 0o444, directory: 0o755, symlink: 0o777, device: 0o666 }[kind];
  return {
    kind,
    mode: TYPE_BITS[kind] | permissions,
    sizeBytes: node.kind === 'link' ? node.text.length : 0,
    mtimeMs: BOOTED_AT_MS,
    links: 1,
    inode: pathInode(canonical),
    blocks: 0,
    owner: ownerOf(canonical),
  };
}

/** Entries of a folder that are in no host folder: the factory's links and the synthetic roots. */
export function factoryNames(folder: string): string[] {
  const prefix = folder === '/' ? '/' : `${folder}/`;
  const names = [...FACTORY_LINKS.keys()]
    .filter((path) => path.startsWith(prefix) && !path.slice(prefix.length).includes('/'))
    .map((path) => path.slice(prefix.length));
  return folder === '/' ? [...names, 'dev', 'proc', 'sys'] : names;
}

/** A stable number for a file without an inode (FNV-1a of its path). */
function pathInode(path: string): number {
  let hash = 0x811c9dc5;
  for (const char of path) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return hash;
}
