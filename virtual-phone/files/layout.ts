import type { Errno } from './errno.ts';

/** Folders that every phone has from the factory. */
export const FACTORY_FOLDERS: readonly string[] = [
  '/apex',
  '/data/app',
  '/data/data',
  '/data/local/tmp',
  '/mnt',
  '/odm',
  '/product',
  '/storage/emulated/0/Download',
  '/storage/emulated/0/Documents',
  '/storage/emulated/0/Pictures',
  '/storage/self',
  '/system/bin',
  '/system/etc',
  '/system/lib64',
  '/vendor',
];

/** Symbolic links of Android's root; they are in no host folder, so that a process cannot remove them. */
export const FACTORY_LINKS: ReadonlyMap<string, string> = new Map([
  ['/sdcard', '/storage/self/primary'],
  ['/storage/self/primary', '/storage/emulated/0'],
  ['/etc', '/system/etc'],
  ['/bin', '/system/bin'],
]);

/** Top folders whose content is made up when it is read. */
const SYNTHETIC_ROOTS: readonly string[] = ['/proc', '/sys', '/dev'];

export const SHELL_TMP = '/data/local/tmp';
const SDCARD = '/storage/emulated/0';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
  readonly user: string;
  readonly group: string;
}

const ROOT_OWNER: Owner = { uid: 0, gid: 0, user: 'root', group: 'root' };
const SHELL_OWNER: Owner = { uid: 2000, gid: 2000, user: 'shell', group: 'shell' };
const SYSTEM_OWNER: Owner = { uid: 1000, gid: 1000, user: 'system', group: 'system' };
const MEDIA_OWNER: Owner = { uid: 10_000, gid: 1023, user: 'u0_a0', group: 'media_rw' };

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

export function isSynthetic(path: string): boolean {
  return SYNTHETIC_ROOTS.some((root) => isWithin(path, root));
}

/** Why uid shell may not create, change or remove `path` (canonical), or undefined when it may. */
export function writeRefusal(path: string): Errno | undefined {
  if (path.startsWith(`${SHELL_TMP}/`) || path.startsWith(`${SDCARD}/`)) return undefined;
  if (isSynthetic(path)) return 'EACCES';
  return ['/data', '/storage', '/mnt'].some((folder) => isWithin(path, folder)) ? 'EACCES' : 'EROFS';
}

/** Whether Android mounts the storage of `path` (canonical) so that nothing on it is executed, whatever its mode says. */
export function isNoExec(path: string): boolean {
  return isWithin(path, SDCARD);
}

/** Folders that uid shell may pass through but not list, as on a production phone. */
export function isUnlistable(path: string): boolean {
  return path === '/data' || path === '/data/local' || path === '/data/app' || path === '/data/data';
}

export function ownerOf(path: string): Owner {
  if (isWithin(path, SHELL_TMP)) return SHELL_OWNER;
  if (isWithin(path, SDCARD)) return MEDIA_OWNER;
  return isWithin(path, '/data') ? SYSTEM_OWNER : ROOT_OWNER;
}
