import { PhoneFileError } from './errno.ts';

/** Linux follows no more links than this in one path. */
const MAX_LINKS = 40;

export type LinkTarget = (path: string) => string | undefined;

/**
 * Canonical phone path of `path` seen from `cwd` (absolute): `.` and `..` gone, links followed as the kernel does,
 * component by component, and never above the phone's root (as in a chroot).
 *
 * @param linkTarget text of the link at a canonical path, undefined when there is no link.
 * @param followLast whether a link in the last component is followed.
 * @throws PhoneFileError ELOOP.
 */
export function walkPath(cwd: string, path: string, linkTarget: LinkTarget, followLast: boolean): string {
  const todo = (path.startsWith('/') ? path : `${cwd}/${path}`).split('/').filter((name) => name !== '');
  let at: string[] = [];
  let links = 0;
  for (let name = todo.shift(); name !== undefined; name = todo.shift()) {
    if (name === '.') continue;
    if (name === '..') {
      at.pop();
      continue;
    }
    const here = `/${[...at, name].join('/')}`;
    const target = todo.length === 0 && !followLast ? undefined : linkTarget(here);
    if (target === undefined) {
      at.push(name);
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) throw new PhoneFileError('ELOOP', path);
    if (target.startsWith('/')) at = [];
    todo.unshift(...target.split('/').filter((part) => part !== ''));
  }
  return `/${at.join('/')}`;
}

/** Whether a link with this relative text, lying in `folder` (canonical), climbs above the phone's root. */
export function climbsAboveRoot(folder: string, text: string): boolean {
  let depth = folder.split('/').filter((name) => name !== '').length;
  for (const name of text.split('/')) {
    if (name === '' || name === '.') continue;
    depth += name === '..' ? -1 : 1;
    if (depth < 0) return true;
  }
  return false;
}
