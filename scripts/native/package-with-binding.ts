import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import { onnxruntimeFolder } from '../shared/folders.ts';
import type { BindingTarget } from './build-binding.ts';

/** Targets for which npm has an ONNX Runtime. */
export type NpmTarget = Exclude<BindingTarget, 'android-arm64'>;

/** npm's onnxruntime-node, for comparison. */
export const stockPackage = onnxruntimeFolder();

/** What this computer is, null where the binding is not built for it. */
export function targetHere(): NpmTarget | null {
  if (process.platform !== 'linux') return null;
  return process.arch === 'x64' ? 'linux-x64' : process.arch === 'arm64' ? 'linux-arm64' : null;
}

/** Where onnxruntime-node's JavaScript looks for the binding. */
export function bindingFolder(packageFolder: string, target: BindingTarget): string {
  return join(packageFolder, 'bin', 'napi-v6', ...target.split('-'));
}

/**
 * onnxruntime-node's own JavaScript below `root`, with npm's ONNX Runtime and room for another binding beside it; a
 * copy of its own of onnxruntime-common, so that both packages can be loaded into one process.
 *
 * @returns the package's folder; put the binding into {@link bindingFolder}.
 */
export function packageWithBinding(root: string, target: NpmTarget): string {
  const folder = join(root, 'node_modules', 'onnxruntime-node');
  const entry = createRequire(join(stockPackage, 'package.json')).resolve('onnxruntime-common');
  const common = entry.slice(0, entry.lastIndexOf(`${sep}dist${sep}`));
  const commonCopy = join(root, 'node_modules', 'onnxruntime-common');
  for (const [from, to] of [
    [stockPackage, folder],
    [common, commonCopy],
  ] as const)
    for (const part of ['dist', 'package.json'])
      cpSync(join(from, part), join(to, part), { recursive: true });
  mkdirSync(bindingFolder(folder, target), { recursive: true });
  const library = 'libonnxruntime.so.1';
  symlinkSync(
    join(bindingFolder(stockPackage, target), library),
    join(bindingFolder(folder, target), library),
  );
  return folder;
}
