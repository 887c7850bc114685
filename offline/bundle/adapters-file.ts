import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { BundleRecovery } from '../../core/bundle-manifest.ts';
import type { Level } from '../../core/level.ts';
import type { ModelConfig } from '../../core/model-config.ts';
import {
  adapterLayout,
  decodeAdapter,
  encodeAdapter,
  type AdapterParameters,
  type AdapterShape,
  type RuntimeSite,
} from '../../core/recovery-adapter.ts';

export interface LevelAdapter {
  readonly level: Level;
  readonly parameters: AdapterParameters;
}

/**
 * Writes the adapters of all levels into one new file, float16, flushed. Returns where each lies, as the
 * manifest's `recovery` wants it. Throws on parameters of another shape or beyond float16.
 */
export function writeAdapters(
  path: string,
  config: ModelConfig,
  shape: AdapterShape<RuntimeSite>,
  levels: readonly LevelAdapter[],
): BundleRecovery['levels'] {
  const { total } = adapterLayout(config, shape);
  const fd = openSync(path, 'wx');
  try {
    let offset = 0;
    const ranges: BundleRecovery['levels'] = [];
    for (const { level, parameters } of levels) {
      if (parameters.length !== total)
        throw new RangeError(`level ${level}: ${parameters.length} adapter parameters instead of ${total}`);
      if (!parameters.every((value) => Math.abs(value) < 65504))
        throw new RangeError(`level ${level}: an adapter parameter does not fit into float16`);
      const bytes = encodeAdapter(parameters);
      for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
      ranges.push({ level, offset, lengthBytes: bytes.length });
      offset += bytes.length;
    }
    fsyncSync(fd);
    return ranges;
  } finally {
    closeSync(fd);
  }
}

/** The adapters of all levels as the file holds them (rounded to float16). */
export function readAdapters(path: string, ranges: BundleRecovery['levels']): LevelAdapter[] {
  const bytes = readFileSync(path);
  return ranges.map(({ level, offset, lengthBytes }) => ({
    level,
    parameters: decodeAdapter(bytes.subarray(offset, offset + lengthBytes)),
  }));
}
