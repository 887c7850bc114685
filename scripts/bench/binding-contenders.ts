import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as Ort from 'onnxruntime-node';
import { fail, ok, type Result } from '../../core/result.ts';
import { buildBinding, type BuiltBinding } from '../native/build-binding.ts';
import {
  bindingFolder,
  packageWithBinding,
  stockPackage,
  targetHere,
} from '../native/package-with-binding.ts';

/** The native class below onnxruntime-node's JavaScript. */
export interface NativeSession {
  loadModel(bytes: ArrayBuffer, offset: number, length: number, options: object): void;
  run(feeds: object, fetches: object, options: object): Record<string, Ort.Tensor>;
  dispose(): void;
}

/** One onnxruntime-node: its JavaScript and the binding below it. */
export interface BindingContender {
  readonly name: string;
  readonly ort: typeof Ort;
  readonly newSession: () => NativeSession;
}

function contender(name: string, packageFolder: string): BindingContender {
  const load = createRequire(join(packageFolder, 'package.json'));
  const ort = load('./dist/index.js') as typeof Ort;
  const native = load('./dist/binding.js') as {
    binding: { InferenceSession: new () => NativeSession };
    initOrt: () => void;
  };
  native.initOrt();
  return { name, ort, newSession: () => new native.binding.InferenceSession() };
}

export interface BindingContenders {
  readonly stock: BindingContender;
  readonly ours: BindingContender;
  readonly built: BuiltBinding;
}

/**
 * npm's binding and ours over the same ONNX Runtime in this process. Failures: `no-binding` (not for this
 * platform), those of buildBinding.
 */
export async function bindingContenders(
  work: string,
  signal: AbortSignal,
): Promise<Result<BindingContenders>> {
  const target = targetHere();
  if (target === null)
    return fail(
      'no-binding',
      `Bungee's binding is built for Linux and Android, not ${process.platform}/${process.arch}.`,
    );
  await mkdir(work, { recursive: true });
  const folder = packageWithBinding(work, target);
  const built = await buildBinding(target, bindingFolder(folder, target), signal);
  if (!built.ok) return built;
  return ok({ stock: contender('npm', stockPackage), ours: contender('Bungee', folder), built: built.value });
}
