import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { BundleManifest } from '../../core/bundle-manifest.ts';
import type { Level } from '../../core/level.ts';
import {
  decodeAdapter,
  type AdapterParameters,
  type AdapterShape,
  type RuntimeSite,
} from '../../core/recovery-adapter.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { firstLine } from './open-session.ts';

/** The recovery adapters of a bundle, as float32 (2 MB a level for SmolLM2-135M at rank 8 beside the MLP). */
export interface EngineAdapters {
  readonly shape: AdapterShape<RuntimeSite>;
  /** Levels that are not here run without one. */
  readonly parameters: ReadonlyMap<Level, AdapterParameters>;
}

/** Reads the adapters of a bundle; null = it has none. Failure `bundle-corrupt`. */
export async function loadAdapters(
  bundleDir: string,
  manifest: Pick<BundleManifest, 'recovery'>,
): Promise<Result<EngineAdapters | null>> {
  const { recovery } = manifest;
  if (recovery === undefined) return ok(null);
  const parameters = new Map<Level, AdapterParameters>();
  const path = join(bundleDir, recovery.file);
  try {
    const file = await open(path);
    try {
      for (const { level, offset, lengthBytes } of recovery.levels) {
        const bytes = new Uint8Array(lengthBytes);
        const { bytesRead } = await file.read(bytes, 0, lengthBytes, offset);
        if (bytesRead !== lengthBytes) throw new Error('it ends too early');
        parameters.set(level, decodeAdapter(bytes));
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    return fail('bundle-corrupt', `${path} cannot be read: ${firstLine(error)}.`, 'Push the bundle again.');
  }
  return ok({ shape: recovery, parameters });
}
