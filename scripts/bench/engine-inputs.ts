import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { BundleManifest, Variant } from '../../core/bundle-manifest.ts';
import { ok, type Result } from '../../core/result.ts';
import { openGguf, writeGguf } from '../../offline/index.ts';
import { say } from '../shared/command-line.ts';
import { baseWeights } from '../shared/base-weights.ts';
import { defaultBundle } from '../shared/default-bundle.ts';
import { cacheFolder } from '../shared/folders.ts';
import { llamaPackageFolder } from './llama-package.ts';

export interface PreparedVariant {
  readonly manifest: BundleManifest;
  readonly bundleDir: string;
  /** The same weights, uncut: a bundle of one level. */
  readonly singleDir: string;
  /** The same bundle without recovery adapters; null where it has none. */
  readonly bareDir: string | null;
}

/** Makes (or finds) the elastic bundle of a variant and its twins: uncut, and without adapters. */
export async function prepareVariant(
  model: string | null,
  variant: Variant,
  signal: AbortSignal,
): Promise<Result<PreparedVariant>> {
  const elastic = await defaultBundle({ model, variant }, signal);
  if (!elastic.ok) return elastic;
  const single = await defaultBundle({ model, variant, single: true }, signal);
  if (!single.ok) return single;
  const { manifest, dir } = elastic.value;
  const prepared = { manifest, bundleDir: dir, singleDir: single.value.dir };
  if (manifest.recovery === undefined) return ok({ ...prepared, bareDir: null });
  const bare = await defaultBundle({ model, variant, withoutRecovery: true }, signal);
  return bare.ok ? ok({ ...prepared, bareDir: bare.value.dir }) : bare;
}

export interface LlamaInputs {
  readonly packageFolder: string;
  /** Format -> GGUF file. */
  readonly files: ReadonlyMap<string, string>;
}

/** The source GGUF and the same weights in llama.cpp's fast formats. Failures `no-llama-cpp`, those of GGUF. */
export async function prepareLlamaFiles(
  model: string | null,
  signal: AbortSignal,
): Promise<Result<LlamaInputs>> {
  const packageFolder = await llamaPackageFolder(signal);
  if (!packageFolder.ok) return packageFolder;
  const weights = model === null ? await baseWeights(signal) : ok(model);
  if (!weights.ok) return weights;
  const source = await openGguf(weights.value, signal);
  if (!source.ok) return source;
  try {
    const files = new Map([[source.value.format.replace('GGUF ', ''), weights.value]]);
    await mkdir(cacheFolder('bench'), { recursive: true });
    for (const format of ['Q4_0', 'Q8_0'] as const) {
      const path = join(
        cacheFolder('bench'),
        `${source.value.name}-${source.value.sha256.slice(0, 8)}-${format}.gguf`,
      );
      if (!existsSync(path)) {
        const part = `${path}.part`;
        writeGguf(source.value, part, format);
        await rename(part, path);
        say(`wrote ${format} for llama.cpp from the same weights`);
      }
      files.set(format, path);
    }
    return ok({ packageFolder: packageFolder.value, files });
  } finally {
    source.value.close();
  }
}
