import type { ReadEntry } from 'tar';
import { errorMessage } from '../../files/atomic-file.ts';
import { fail, ok, type Result } from '../../../core/result.ts';
import type { ArchiveFile, ArchiveFiles } from './archive-files.ts';

/**
 * The files of a tar archive (plain or gzip) whose path `keep` takes. Failure `archive-unreadable`, also for one
 * that ends early.
 */
export async function readTar(
  bytes: Buffer,
  what: string,
  keep: (path: string) => boolean,
): Promise<Result<ArchiveFiles>> {
  // Only where a pack is assembled: the window's process starts without it.
  const { Parser } = await import('tar');
  const files = new Map<string, ArchiveFile>();
  try {
    await new Promise<void>((done, failed) => {
      const parser = new Parser({
        strict: true,
        onReadEntry: (entry: ReadEntry) => take(entry, keep, files),
      });
      parser.on('end', () => done());
      parser.on('error', failed);
      parser.end(bytes);
    });
    return ok(files);
  } catch (error) {
    return fail('archive-unreadable', `${what} can't be unpacked: ${errorMessage(error)}.`);
  }
}

function take(entry: ReadEntry, keep: (path: string) => boolean, into: Map<string, ArchiveFile>): void {
  const path = entry.path.replace(/^(\.\/)+/, '');
  const isLink = entry.type === 'SymbolicLink' || entry.type === 'Link';
  const isFile = entry.type === 'File' || entry.type === 'OldFile' || entry.type === 'ContiguousFile';
  if ((!isFile && !isLink) || !keep(path)) {
    entry.resume();
    return;
  }
  const chunks: Buffer[] = [];
  entry.on('data', (chunk: Buffer) => chunks.push(chunk));
  entry.on('end', () => {
    // A hard link names its target from the archive's root.
    const target = (entry.linkpath ?? '').replace(/^(\.\/)+/, '');
    const link = isLink ? (entry.type === 'Link' ? `/${target}` : (entry.linkpath ?? '')) : null;
    into.set(path, { bytes: Buffer.concat(chunks), link });
  });
}
