import { readFile } from 'node:fs/promises';
import * as zlib from 'node:zlib';
import { fail, ok, type Result } from '../../../core/result.ts';
import { errorMessage } from '../../files/atomic-file.ts';
import { readAr } from './ar-archive.ts';
import type { ArchiveFiles } from './archive-files.ts';
import { readTar } from './tar-archive.ts';

/** A Debian package (Termux has the same format): what its control file says, and files of it. */
export interface DebPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly files: ArchiveFiles;
}

/** Reads the files of a `.deb` whose path `keep` takes. Failure `archive-unreadable`. */
export async function readDeb(path: string, keep: (path: string) => boolean): Promise<Result<DebPackage>> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    return fail('archive-unreadable', `${path} can't be read: ${errorMessage(error)}.`);
  }
  const members = readAr(bytes, path);
  if (!members.ok) return members;
  const control = await readMember(members.value, 'control.tar', path, (name) => name === 'control');
  if (!control.ok) return control;
  const files = await readMember(members.value, 'data.tar', path, keep);
  if (!files.ok) return files;
  const text = control.value.get('control')?.bytes.toString('utf8') ?? '';
  const field = (name: string): string => new RegExp(`^${name}: *(.+)$`, 'm').exec(text)?.[1]?.trim() ?? '';
  const name = field('Package');
  return name === ''
    ? fail('archive-unreadable', `${path} does not say which package it is.`)
    : ok({ name, version: field('Version'), architecture: field('Architecture'), files: files.value });
}

async function readMember(
  members: ReadonlyMap<string, Buffer>,
  prefix: string,
  what: string,
  keep: (path: string) => boolean,
): Promise<Result<ArchiveFiles>> {
  for (const [name, bytes] of members) {
    if (!name.startsWith(prefix)) continue;
    try {
      const plain = await decompress(bytes, name);
      return plain.ok ? await readTar(plain.value, `${name} of ${what}`, keep) : plain;
    } catch (error) {
      return fail('archive-unreadable', `${name} of ${what} is damaged: ${errorMessage(error)}.`);
    }
  }
  return fail('archive-unreadable', `${what} has no ${prefix}.`);
}

/** @throws what the decompressor says of damaged input. */
async function decompress(bytes: Buffer, name: string): Promise<Result<Buffer>> {
  switch (name.slice(name.indexOf('.tar') + '.tar'.length)) {
    case '':
      return ok(bytes);
    case '.gz':
      return ok(zlib.gunzipSync(bytes));
    case '.xz': {
      const { XzReadableStream } = await import('xz-decompress');
      const stream = new XzReadableStream(new Blob([new Uint8Array(bytes)]).stream());
      return ok(Buffer.from(await new Response(stream).arrayBuffer()));
    }
    case '.zst': {
      const unzstd: unknown = 'zstdDecompressSync' in zlib ? zlib.zstdDecompressSync : undefined;
      return typeof unzstd === 'function'
        ? ok(Buffer.from(unzstd(bytes) as Uint8Array))
        : fail(
            'archive-unreadable',
            `${name} is Zstandard, which Node ${process.version} does not read.`,
            'Take Node 22.15 or later.',
          );
    }
    default:
      return fail('archive-unreadable', `${name} has a compression that is not known.`);
  }
}
