import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import { fail, type Result } from '../../core/result.ts';
import type { HashCache } from '../files/hash-cache.ts';
import { fileSetOf, type LocalFileSet } from '../files/local-file-set.ts';

/** Which binaries of onnxruntime-node a phone loads, and where they are on this computer. */
export interface BindingFiles {
  /** Below onnxruntime-node's `bin/napi-v6`, e.g. `linux/arm64`. */
  readonly folder: string;
  /** Local folder of a runtime pack's own binding; null = the npm package's. */
  readonly packDir: string | null;
}

const MODULES = 'node_modules';
/** Type declarations, source maps and web builds are not for a phone. */
const SKIP = /\.(d\.ts|d\.mts|d\.cts|map|md)$|\/(script|lib|esm|__commonjs)\//;

/**
 * The files of the agent: its two scripts and, beside them, onnxruntime-node with the binaries for the phone.
 * Failure `file-unreadable`.
 */
export function agentFileSet(
  options: { readonly agentDir: string; readonly onnxruntimeDir: string },
  binding: BindingFiles,
  hashes: HashCache,
): Promise<Result<LocalFileSet>> {
  const { agentDir, onnxruntimeDir } = options;
  const runtime = `${MODULES}/onnxruntime-node`;
  const binaryPath = `bin/napi-v6/${binding.folder}`;
  let commonDir: string;
  try {
    const main = createRequire(join(onnxruntimeDir, 'package.json')).resolve('onnxruntime-common');
    commonDir = dirname(dirname(dirname(main)));
  } catch {
    return Promise.resolve(
      fail('file-unreadable', `onnxruntime-node is not complete in ${onnxruntimeDir}.`, 'Run `npm ci`.'),
    );
  }
  return fileSetOf(
    'agent',
    'agent',
    [
      { local: agentDir, at: '' },
      { local: join(onnxruntimeDir, 'package.json'), at: `${runtime}/package.json` },
      { local: join(onnxruntimeDir, 'dist'), at: `${runtime}/dist` },
      { local: binding.packDir ?? join(onnxruntimeDir, binaryPath), at: `${runtime}/${binaryPath}` },
      { local: join(commonDir, 'package.json'), at: `${MODULES}/onnxruntime-common/package.json` },
      { local: join(commonDir, 'dist'), at: `${MODULES}/onnxruntime-common/dist` },
    ],
    hashes,
    (path) => path.startsWith(MODULES) && SKIP.test(path),
  );
}
