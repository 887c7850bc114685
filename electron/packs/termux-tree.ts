import { fail, ok, type Result } from '../../core/result.ts';
import type { PackPart } from '../../core/runtime-pack.ts';
import { type ArchiveFile, type ArchiveFiles, followLinks } from './archive/archive-files.ts';
import { readDeb } from './archive/deb-package.ts';
import { collectLibraries } from './collect-libraries.ts';
import { ARM64_MACHINE, readElf } from './elf-file.ts';
import { PACK_LICENCES } from './pack-layout.ts';
import { TERMUX_PINS } from './pack-pins.ts';
import { obtainPart, type PartShelf } from './parts/part-shelf.ts';

const PREFIX = 'data/data/com.termux/files/usr/';
const NODE = `${PREFIX}bin/node`;
const OPENSSL_CONF = `${PREFIX}etc/tls/openssl.cnf`;
const WANTED =
  /\/usr\/(bin\/node|etc\/tls\/openssl\.cnf|lib\/[^/]+\.so(\.[\w.]+)?|share\/(doc\/[^/]+\/(copyright|LICENSE)[^/]*|LICENSES\/[^/]+))$/;

/** Libraries that every Android gives to programs of the NDK; they must never be brought along. */
const ANDROID_LIBRARIES = new Set([
  'libc.so',
  'libm.so',
  'libdl.so',
  'liblog.so',
  'libandroid.so',
  'linker64',
]);
/** Libraries have to be aligned so for kernels with 16 KiB pages. */
const LARGE_PAGE_BYTES = 16_384;

/** Node for Android with the libraries that it needs, to be run from any folder. */
export interface TermuxTree {
  readonly nodeVersion: string;
  readonly parts: readonly PackPart[];
  readonly files: readonly { readonly path: string; readonly bytes: Buffer }[];
  /** Files that kernels with 16 KiB pages refuse. */
  readonly smallAligned: readonly string[];
}

/**
 * Node and its libraries out of Termux's packages. Failures: those of `obtainPart`, of the archive readers and
 * of `collectLibraries`, `archive-member-missing`.
 */
export async function termuxTree(shelf: PartShelf, signal: AbortSignal): Promise<Result<TermuxTree>> {
  const files = new Map<string, ArchiveFile>();
  const parts: PackPart[] = [];
  const licences: { path: string; bytes: Buffer }[] = [];
  for (const pin of TERMUX_PINS) {
    const obtained = await obtainPart(pin, shelf, signal);
    if (!obtained.ok) return obtained;
    const deb = await readDeb(obtained.value.path, (path) => WANTED.test(`/${path}`));
    if (!deb.ok) return deb;
    for (const [path, file] of deb.value.files) files.set(path, file);
    parts.push({ ...obtained.value.part, version: deb.value.version });
    const licence = licenceOf(deb.value.files);
    if (licence !== null) licences.push({ path: `${PACK_LICENCES}/${pin.name}.txt`, bytes: licence });
  }
  const node = followLinks(files, NODE);
  if (node === null) return fail('archive-member-missing', 'The package nodejs-lts holds no bin/node.');
  const find = (name: string): Buffer | null => followLinks(files, `${PREFIX}lib/${name}`);
  const libraries = collectLibraries(
    [{ name: 'node', bytes: node }],
    find,
    (name) => ANDROID_LIBRARIES.has(name),
    ARM64_MACHINE,
  );
  if (!libraries.ok) return libraries;
  const config = followLinks(files, OPENSSL_CONF);
  const placed = [
    { path: 'bin/node', bytes: node },
    ...[...libraries.value].map(([name, bytes]) => ({ path: `lib/${name}`, bytes })),
  ];
  return ok({
    nodeVersion: `v${(parts[0]?.version ?? '').replace(/-\d+$/, '')}`,
    parts,
    files: [
      ...placed,
      ...(config === null ? [] : [{ path: 'etc/tls/openssl.cnf', bytes: config }]),
      ...licences,
    ],
    smallAligned: placed.filter(({ bytes }) => isSmallAligned(bytes)).map(({ path }) => path),
  });
}

function licenceOf(files: ArchiveFiles): Buffer | null {
  for (const path of files.keys()) {
    const bytes = /\/(copyright|LICENSE)[^/]*$/.test(path) ? followLinks(files, path) : null;
    if (bytes !== null) return bytes;
  }
  return null;
}

function isSmallAligned(bytes: Buffer): boolean {
  const elf = readElf(bytes, '');
  return elf.ok && elf.value.alignmentBytes < LARGE_PAGE_BYTES;
}
