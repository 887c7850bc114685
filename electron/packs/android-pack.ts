import { createHash } from 'node:crypto';
import { ok, type Result } from '../../core/result.ts';
import type { PackPart } from '../../core/runtime-pack.ts';
import { androidOnnxruntime } from './android-onnxruntime.ts';
import { ONNXRUNTIME_LICENCE } from './onnxruntime-licence.ts';
import { PACK_LICENCES, PACK_ONNXRUNTIME } from './pack-layout.ts';
import type { PartShelf } from './parts/part-shelf.ts';
import { termuxTree } from './termux-tree.ts';
import type { PackContent } from './write-pack.ts';

const BINDING = { from: 'pack', folder: 'android/arm64' } as const;

/** Builds Bungee's own binding for 64-bit Android; its content. Given by the command: desktops don't compile. */
export type BindingBuilder = (
  signal: AbortSignal,
) => Promise<Result<{ readonly bytes: Buffer; readonly version: string; readonly licence: string }>>;

export interface AndroidSources {
  readonly shelf: PartShelf;
  /** Microsoft's AAR, null = the npm package. */
  readonly aar: string | null;
  readonly buildBinding: BindingBuilder;
}

/**
 * Node for Android with its libraries, Android's ONNX Runtime and Bungee's binding: everything that runs in the
 * adb shell's folder. Failures: those of its parts.
 */
export async function makeAndroidPack(
  sources: AndroidSources,
  signal: AbortSignal,
): Promise<Result<PackContent>> {
  const { shelf } = sources;
  // First what is most likely not to be had: nothing large is fetched in vain.
  const tree = await termuxTree(shelf, signal);
  if (!tree.ok) return tree;
  const runtime = await bindingFiles(sources, signal);
  if (!runtime.ok) return runtime;
  for (const path of tree.value.smallAligned)
    shelf.say(`${path} will not load on phones whose kernel has 16 KiB pages.`);
  return ok({
    pack: {
      name: 'android',
      abi: 'arm64-v8a',
      node: tree.value.nodeVersion,
      onnxruntime: runtime.value.version,
      providers: ['cpu', 'xnnpack', 'nnapi'],
      launch: {
        command: ['{pack}/bin/node'],
        environment: {
          HOME: '{home}',
          TMPDIR: '{home}',
          // Before the folders of the Termux app, which the files name and this user may not read.
          LD_LIBRARY_PATH: '{pack}/lib',
          OPENSSL_CONF: '{pack}/etc/tls/openssl.cnf',
        },
      },
      binding: BINDING,
      parts: [...tree.value.parts, ...runtime.value.parts],
    },
    files: [...tree.value.files, ...runtime.value.files],
  });
}

/**
 * The same ONNX Runtime and binding for the Termux app, which has a Node of its own. Failures: those of its parts.
 */
export async function makeTermuxPack(
  sources: AndroidSources,
  signal: AbortSignal,
): Promise<Result<PackContent>> {
  const runtime = await bindingFiles(sources, signal);
  if (!runtime.ok) return runtime;
  return ok({
    pack: {
      name: 'termux',
      abi: 'arm64-v8a',
      node: 'nodejs-lts of the Termux app',
      onnxruntime: runtime.value.version,
      providers: ['cpu', 'xnnpack', 'nnapi'],
      launch: { command: ['node'], environment: {} },
      binding: BINDING,
      parts: runtime.value.parts,
    },
    files: runtime.value.files,
  });
}

interface BindingFiles {
  readonly version: string;
  readonly parts: PackPart[];
  readonly files: { readonly path: string; readonly bytes: Buffer }[];
}

async function bindingFiles(
  { shelf, aar, buildBinding }: AndroidSources,
  signal: AbortSignal,
): Promise<Result<BindingFiles>> {
  const onnxruntime = await androidOnnxruntime(shelf, aar, signal);
  if (!onnxruntime.ok) return onnxruntime;
  const binding = await buildBinding(signal);
  if (!binding.ok) return binding;
  const { bytes } = binding.value;
  const part: PackPart = {
    name: 'onnxruntime_binding.node',
    version: binding.value.version,
    licence: binding.value.licence,
    source: 'built here from device-agent/native',
    sizeBytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
  return ok({
    version: onnxruntime.value.version,
    parts: [onnxruntime.value.part, part],
    files: [
      { path: `${PACK_ONNXRUNTIME}/onnxruntime_binding.node`, bytes },
      // Beside the binding, which looks for it there.
      { path: `${PACK_ONNXRUNTIME}/libonnxruntime.so`, bytes: onnxruntime.value.library },
      { path: `${PACK_LICENCES}/onnxruntime.txt`, bytes: Buffer.from(ONNXRUNTIME_LICENCE) },
    ],
  });
}
