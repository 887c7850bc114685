import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import { onnxruntimeFolder } from '../shared/folders.ts';

const FOLDER = ['bin', 'napi-v6', process.platform, process.arch] as const;

/** npm's onnxruntime-node, for comparison. */
export const stockPackage = onnxruntimeFolder();

/** Where a package of {@link packageWithBinding} wants the binding. */
export function bindingFolder(packageFolder: string): string {
  return join(packageFolder, ...FOLDER);
}

/**
 * onnxruntime-node's own JavaScript below `root`, with npm's ONNX Runtime and room for another binding beside it; a
 * copy of its own of onnxruntime-common, so that both packages can be loaded into one process.
 *
 * @returns the package's folder; put the binding into {@link bindingFolder}.
 */
export function packageWithBinding(root: string): string {
  const folder = join(root, 'node_modules', 'onnxruntime-node');
  const entry = createRequire(join(stockPackage, 'package.json')).resolve('onnxruntime-common');
  const common = entry.slice(0, entry.lastIndexOf(`${sep}dist${sep}`));
  cpSync(join(stockPackage, 'dist'), join(folder, 'dist'), { recursive: true });
  cpSync(join(stockPackage, 'package.json'), join(folder, 'package.json'));
  cpSync(join(common, 'package.json'), join(root, 'node_modules', 'onnxruntime-common', 'package.json'));
  cpSync(join(common, 'dist'), join(root, 'node_modules', 'onnxruntime-common', 'dist'), { recursive: true });
  mkdirSync(bindingFolder(folder), { recursive: true });
  const library = 'libonnxruntime.so.1';
  symlinkSync(join(bindingFolder(stockPackage), library), join(bindingFolder(folder), library));
  return folder;
}
