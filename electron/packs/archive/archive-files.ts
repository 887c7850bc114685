/** A file out of an archive; a link has no content of its own. */
export interface ArchiveFile {
  readonly bytes: Buffer;
  /** Target as the archive tells it, null = a real file. */
  readonly link: string | null;
}

/** Path without a leading `./` -> file; folders are left out. */
export type ArchiveFiles = ReadonlyMap<string, ArchiveFile>;

/** Archives link a few steps at most; more is a circle. */
const MAX_LINKS = 8;

/** The content that a path leads to over links, null where it leads nowhere. */
export function followLinks(files: ArchiveFiles, path: string): Buffer | null {
  let at = path;
  for (let step = 0; step < MAX_LINKS; step++) {
    const file = files.get(at);
    if (file === undefined) return null;
    if (file.link === null) return file.bytes;
    at = joined(file.link.startsWith('/') ? '' : at.slice(0, at.lastIndexOf('/') + 1), file.link);
  }
  return null;
}

function joined(folder: string, target: string): string {
  const parts: string[] = [];
  for (const part of `${folder}${target}`.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}
