import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import type { Device } from '../../core/device.ts';
import { fail, type Result } from '../../core/result.ts';
import type { HashCache } from '../files/hash-cache.ts';
import { fileSetOf, type LocalFileSet } from '../files/local-file-set.ts';

/**
 * Folder of onnxruntime-node's binaries for a phone; null = it ships none. A virtual phone runs this
 * computer's Node, whatever system that is.
 */
export function runtimeFolder({ kind, abi }: Pick<Device, 'kind' | 'abi'>): string | null {
  if (kind === 'virtual')
    return process.platform === 'darwin' && process.arch === 'x64'
      ? null
      : `${process.platform}/${process.arch}`;
  if (abi === 'x86_64') return 'linux/x64';
  if (abi === 'arm64-v8a') return 'linux/arm64';
  return null;
}

const MODULES = 'node_modules';
/** Type declarations, source maps and web builds are not for a phone. */
const SKIP = /\.(d\.ts|d\.mts|d\.cts|map|md)$|\/(script|lib|esm|__commonjs)\//;

/**
 * The files of the agent: its two scripts and, beside them, onnxruntime-node with the binaries for the phone.
 *
 * Failures: `abi-unsupported`, `file-unreadable`.
 */
export function agentFileSet(
  options: { readonly agentDir: string; readonly onnxruntimeDir: string },
  device: Pick<Device, 'kind' | 'abi'>,
  hashes: HashCache,
): Promise<Result<LocalFileSet>> {
  const binaries = runtimeFolder(device);
  if (binaries === null)
    return Promise.resolve(
      fail(
        'abi-unsupported',
        `ONNX Runtime has no binaries for this phone (ABI ${device.abi ?? 'unknown'}).`,
        'Use a phone with a 64-bit ARM processor.',
      ),
    );
  const { agentDir, onnxruntimeDir } = options;
  const runtime = `${MODULES}/onnxruntime-node`;
  const binaryPath = `bin/napi-v6/${binaries}`;
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
      { local: join(onnxruntimeDir, binaryPath), at: `${runtime}/${binaryPath}` },
      { local: join(commonDir, 'package.json'), at: `${MODULES}/onnxruntime-common/package.json` },
      { local: join(commonDir, 'dist'), at: `${MODULES}/onnxruntime-common/dist` },
    ],
    hashes,
    (path) => path.startsWith(MODULES) && SKIP.test(path),
  );
}
