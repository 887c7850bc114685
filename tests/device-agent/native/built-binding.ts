import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { unwrap } from '../../../core/result.ts';
import { buildBinding, type BuiltBinding } from '../../../scripts/native/build-binding.ts';
import {
  bindingFolder,
  packageWithBinding,
  targetHere,
  type NpmTarget,
} from '../../../scripts/native/package-with-binding.ts';

/** onnxruntime-node over our binding, built for this computer in a temporary folder. */
export interface BuiltPackage {
  readonly binding: BuiltBinding;
  readonly folder: string;
  /** Holds `node_modules/onnxruntime-node`: programs placed here import it. */
  readonly root: string;
  readonly remove: () => void;
}

/**
 * Built for this computer, or for the Linux that is named. null, said aloud, where the binding isn't for this platform
 * or nothing can compile it; in CI that fails.
 */
export async function buildPackage(target: NpmTarget | null = targetHere()): Promise<BuiltPackage | null> {
  const why = target === null ? 'the binding is not for this platform' : null;
  const root = mkdtempSync(join(tmpdir(), 'bungee-binding-'));
  if (target !== null) {
    const folder = packageWithBinding(root, target);
    const built = await buildBinding(target, bindingFolder(folder, target), AbortSignal.timeout(100_000));
    // A source that does not compile is no missing part.
    if (built.ok || built.failure.code !== 'no-zig')
      return {
        binding: unwrap(built),
        folder,
        root,
        remove: () => rmSync(root, { recursive: true, force: true }),
      };
  }
  rmSync(root, { recursive: true, force: true });
  process.stderr.write(`SKIPPED: ${why ?? 'there is no C compiler'}, so the binding is not tested.\n`);
  if (process.env['CI'] === 'true') throw new Error('CI builds the binding');
  return null;
}

const run = promisify(execFile);

/** Runs one of this folder's programs; its last line of output as JSON. */
export async function runProgram(
  file: string,
  args: readonly string[],
  options: { readonly nodeFlags?: readonly string[]; readonly environment?: NodeJS.ProcessEnv } = {},
): Promise<unknown> {
  const program = fileURLToPath(new URL(file, import.meta.url));
  const { stdout } = await run(process.execPath, [...(options.nodeFlags ?? []), program, ...args], {
    maxBuffer: 1 << 26,
    env: { ...process.env, ...options.environment },
  }).catch((error: unknown) => {
    // Differences end with 1 and are told on stdout all the same.
    if (error instanceof Error && 'stdout' in error && `${error.stdout}`.startsWith('{'))
      return { stdout: `${error.stdout}` };
    throw error;
  });
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
}
