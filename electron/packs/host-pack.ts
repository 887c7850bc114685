import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJsonWith } from '../../core/parse.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { PACK_SCHEMA_VERSION, type RuntimePack } from '../../core/runtime-pack.ts';
import { errorMessage } from '../files/atomic-file.ts';

const ABIS: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'arm64-v8a' };

/** Android's name of this computer's processor, as a virtual phone tells it. */
export function hostAbi(): string {
  return ABIS[process.arch] ?? process.arch;
}

/** Version of the onnxruntime-node in a package folder. Failure `file-unreadable`. */
export async function onnxruntimeVersion(dir: string): Promise<Result<string>> {
  const path = join(dir, 'package.json');
  try {
    const read = parseJsonWith(z.object({ version: z.string() }), await readFile(path, 'utf8'), path);
    return read.ok ? ok(read.value.version) : read;
  } catch (error) {
    return fail('file-unreadable', `${path} can't be read: ${errorMessage(error)}.`, 'Run `npm ci`.');
  }
}

/** What a virtual phone runs: this computer's own Node; nothing is pushed. Failure `abi-unsupported`. */
export async function hostPack(onnxruntimeDir: string): Promise<Result<RuntimePack>> {
  const folder = `${process.platform}/${process.arch}`;
  const there = await stat(join(onnxruntimeDir, 'bin', 'napi-v6', folder)).catch(() => null);
  if (there === null)
    return fail('abi-unsupported', `ONNX Runtime has no binaries for this computer (${folder}).`);
  const version = await onnxruntimeVersion(onnxruntimeDir);
  if (!version.ok) return version;
  return ok({
    schemaVersion: PACK_SCHEMA_VERSION,
    name: 'host',
    abi: hostAbi(),
    node: process.version,
    onnxruntime: version.value,
    providers: ['cpu'],
    launch: { command: ['node'], environment: {} },
    binding: { from: 'npm', folder },
    parts: [],
    files: [],
  });
}
