import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, ok, type Result } from '../../core/result.ts';
import type { PackPart } from '../../core/runtime-pack.ts';
import { type ArchiveFile, type ArchiveFiles, followLinks } from './archive/archive-files.ts';
import { readDeb } from './archive/deb-package.ts';
import { readTar } from './archive/tar-archive.ts';
import { collectLibraries } from './collect-libraries.ts';
import { ARM64_MACHINE } from './elf-file.ts';
import { errorMessage } from '../files/atomic-file.ts';
import { stripElf } from './strip-elf.ts';
import { PACK_LICENCES } from './pack-layout.ts';
import { GLIBC_PINS } from './pack-pins.ts';
import { obtainPart, type PartShelf } from './parts/part-shelf.ts';
import type { PackContent } from './write-pack.ts';

const BINDING_FOLDER = 'linux/arm64';
const LIBRARY = /(^|\/)lib\/aarch64-linux-gnu\/[^/]+\.so(\.[\w.]+)?$|(^|\/)lib\/ld-linux-aarch64\.so\.1$/;
/** The name of the package or of the licence is the fourth part. */
const LICENCE = /^usr\/share\/(doc\/[^/]+\/copyright|common-licenses\/(GPL-[23]|LGPL-2\.1))$/;

/**
 * Puts the glibc pack together: official Node for Linux on arm64 and, beside it, the C library that it needs with
 * its own loader, out of Debian's packages. ONNX Runtime is that of the npm package, and what it needs is here too.
 *
 * Failures: those of `obtainPart`, of the archive readers and of {@link collectLibraries}.
 */
export async function makeGlibcPack(
  shelf: PartShelf,
  onnxruntime: { readonly dir: string; readonly version: string },
  signal: AbortSignal,
): Promise<Result<PackContent>> {
  const node = await obtainPart(GLIBC_PINS.node, shelf, signal);
  if (!node.ok) return node;
  const parts: PackPart[] = [node.value.part];
  const files = new Map<string, ArchiveFile>();
  for (const pin of GLIBC_PINS.debian) {
    const obtained = await obtainPart(pin, shelf, signal);
    if (!obtained.ok) return obtained;
    const deb = await readDeb(obtained.value.path, (path) => LIBRARY.test(path) || LICENCE.test(path));
    if (!deb.ok) return deb;
    for (const [path, file] of deb.value.files) files.set(path, file);
    parts.push({ ...obtained.value.part, version: deb.value.version });
  }
  const tarball = await readTar(
    await readFile(node.value.path),
    node.value.part.name,
    (path) => path === 'package/bin/node' || path === 'package/LICENSE',
  );
  if (!tarball.ok) return tarball;
  const program = followLinks(tarball.value, 'package/bin/node');
  if (program === null) return fail('archive-member-missing', `${node.value.part.name} holds no bin/node.`);
  const roots = await onnxruntimeBinaries(onnxruntime.dir);
  if (!roots.ok) return roots;
  const libraries = collectLibraries(
    [{ name: 'node', bytes: program }, ...roots.value],
    findLibrary(files),
    // The one that the binding brings beside itself.
    (name) => name.startsWith('libonnxruntime.so'),
    ARM64_MACHINE,
  );
  if (!libraries.ok) return libraries;
  const licences = [
    ['node', followLinks(tarball.value, 'package/LICENSE')] as const,
    ...[...files.keys()]
      .filter((path) => LICENCE.test(path))
      .map((path) => [path.split('/')[3] ?? '', followLinks(files, path)] as const),
  ];
  return ok({
    pack: {
      name: 'glibc-arm64',
      abi: 'arm64-v8a',
      node: `v${node.value.part.version}`,
      onnxruntime: onnxruntime.version,
      providers: ['cpu'],
      launch: {
        // Through its loader: the phone has none at the path that Node names.
        command: ['{pack}/lib/ld-linux-aarch64.so.1', '--library-path', '{pack}/lib', '{pack}/bin/node'],
        environment: { HOME: '{home}', TMPDIR: '{home}' },
      },
      binding: { from: 'npm', folder: BINDING_FOLDER },
      parts,
    },
    files: [
      // 18 of 122 MB less to push; the libraries come stripped.
      { path: 'bin/node', bytes: stripElf(program) },
      ...[...libraries.value].map(([name, bytes]) => ({ path: `lib/${name}`, bytes })),
      ...licences.flatMap(([name, bytes]) =>
        bytes === null ? [] : [{ path: `${PACK_LICENCES}/${name}.txt`, bytes }],
      ),
    ],
  });
}

/** A library by its name, in whichever package and folder it lies. */
function findLibrary(files: ArchiveFiles): (name: string) => Buffer | null {
  const paths = [...files.keys()].filter((path) => LIBRARY.test(path));
  return (name) => {
    for (const path of paths) {
      const bytes = path.endsWith(`/${name}`) ? followLinks(files, path) : null;
      if (bytes !== null) return bytes;
    }
    return null;
  };
}

async function onnxruntimeBinaries(dir: string): Promise<Result<{ name: string; bytes: Buffer }[]>> {
  const folder = join(dir, 'bin', 'napi-v6', BINDING_FOLDER);
  const names = ['onnxruntime_binding.node', 'libonnxruntime.so.1'];
  try {
    return ok(
      await Promise.all(names.map(async (name) => ({ name, bytes: await readFile(join(folder, name)) }))),
    );
  } catch (error) {
    return fail(
      'pack-part-missing',
      `Missing part onnxruntime-node for linux/arm64 (npm): ${errorMessage(error)}.`,
      'Run `npm ci`.',
    );
  }
}
