import { mkdir, readFile } from 'node:fs/promises';
import { describeFailure, fail, ok } from '../../core/result.ts';
import type { BindingBuilder } from '../../electron/packs/android-pack.ts';
import { buildBinding } from '../native/build-binding.ts';
import { cacheFolder } from '../shared/folders.ts';

/** Bungee's binding for 64-bit Android, built from device-agent/native. */
export const androidBinding: BindingBuilder = async (signal) => {
  const folder = cacheFolder('packs', 'binding');
  await mkdir(folder, { recursive: true });
  const built = await buildBinding('android-arm64', folder, signal);
  if (!built.ok)
    return fail(
      'pack-part-missing',
      `Missing part onnxruntime_binding.node for Android: ${describeFailure(built.failure)}`,
      undefined,
      built.failure.detail,
    );
  const { path, version, licence } = built.value;
  return ok({ bytes: await readFile(path), version, licence });
};
