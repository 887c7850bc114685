import { createRequire } from 'node:module';
import { z } from 'zod';

/** What the agent's figures were made with. */
export interface RuntimeVersions {
  readonly onnxruntime: string;
  readonly node: string;
  /** E.g. `android-arm64`. */
  readonly arch: string;
}

export function runtimeVersions(): RuntimeVersions {
  const require = createRequire(import.meta.url);
  const found = z.object({ version: z.string() }).safeParse(require('onnxruntime-node/package.json'));
  return {
    onnxruntime: found.success ? found.data.version : 'unknown',
    node: process.versions.node,
    arch: `${process.platform}-${process.arch}`,
  };
}
