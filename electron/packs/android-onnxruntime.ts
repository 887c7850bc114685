import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fail, ok, type Result } from '../../core/result.ts';
import type { PackPart } from '../../core/runtime-pack.ts';
import { errorMessage } from '../files/atomic-file.ts';
import { followLinks } from './archive/archive-files.ts';
import { readTar } from './archive/tar-archive.ts';
import { readZipMember } from './archive/zip-member.ts';
import { AAR_LIBRARY, ANDROID_ONNXRUNTIME } from './pack-pins.ts';
import { obtainPart, type PartShelf } from './parts/part-shelf.ts';

/** Android's `libonnxruntime.so` for 64-bit phones. */
export interface AndroidOnnxruntime {
  readonly library: Buffer;
  /** As the library itself tells it. */
  readonly version: string;
  readonly part: PackPart;
}

/**
 * ONNX Runtime out of Microsoft's AAR, if the user gives one, else out of the pinned npm package.
 *
 * Failures: those of `obtainPart` and the archive readers, `pack-part-wrong`.
 */
export async function androidOnnxruntime(
  shelf: PartShelf,
  aar: string | null,
  signal: AbortSignal,
): Promise<Result<AndroidOnnxruntime>> {
  return aar === null ? fromNpm(shelf, signal) : fromAar(aar);
}

async function fromNpm(shelf: PartShelf, signal: AbortSignal): Promise<Result<AndroidOnnxruntime>> {
  const { pin, library } = ANDROID_ONNXRUNTIME;
  const obtained = await obtainPart(pin, shelf, signal);
  if (!obtained.ok) return obtained;
  const { path, part } = obtained.value;
  const files = await readTar(await readFile(path), part.name, (name) => name.endsWith(library.pathEnd));
  if (!files.ok) return files;
  const at = [...files.value.keys()].find((name) => name.endsWith(library.pathEnd));
  const bytes = at === undefined ? null : followLinks(files.value, at);
  if (bytes === null || hashOf(bytes) !== library.sha256)
    return fail('pack-part-wrong', `The libonnxruntime.so of ${part.name} is not the pinned one.`);
  return ok({ library: bytes, version: versionOf(bytes), part });
}

async function fromAar(aar: string): Promise<Result<AndroidOnnxruntime>> {
  let zip: Buffer;
  try {
    zip = await readFile(aar);
  } catch (error) {
    return fail('pack-part-missing', `Missing part ONNX Runtime for Android: ${errorMessage(error)}.`);
  }
  const library = readZipMember(zip, AAR_LIBRARY, aar);
  if (!library.ok) return library;
  const version = versionOf(library.value);
  const part: PackPart = {
    name: 'onnxruntime-android',
    version,
    licence: 'MIT',
    source: `Microsoft's AAR, as given: ${basename(aar)}`,
    sizeBytes: zip.length,
    sha256: hashOf(zip),
  };
  return ok({ library: library.value, version, part });
}

/** The version symbol that every build of the library exports. */
function versionOf(library: Buffer): string {
  const at = library.indexOf('VERS_1.');
  return at < 0
    ? 'unknown'
    : (/^VERS_([\d.]+\d)/.exec(library.toString('latin1', at, at + 24))?.[1] ?? 'unknown');
}

function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
