import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, ok, type Result } from '../../core/result.ts';
import { say } from '../shared/command-line.ts';
import { cacheFolder } from '../shared/folders.ts';

const VERSION = '3.22.1';

/** Package with llama.cpp prebuilt for this machine's CPU; null = there is none. */
function prebuiltPackage(): string | null {
  const { platform, arch } = process;
  if (platform === 'linux' && (arch === 'x64' || arch === 'arm64')) return `@node-llama-cpp/linux-${arch}`;
  if (platform === 'darwin')
    return arch === 'arm64' ? '@node-llama-cpp/mac-arm64-metal' : '@node-llama-cpp/mac-x64';
  if (platform === 'win32' && (arch === 'x64' || arch === 'arm64')) return `@node-llama-cpp/win-${arch}`;
  return null;
}

/**
 * node-llama-cpp, only for comparison: kept out of the project's dependencies (its optional ones are hundreds
 * of MB for GPUs) and installed into the cache on first use.
 *
 * @returns folder whose package.json resolves `node-llama-cpp`; failure `no-llama-cpp`.
 */
export async function llamaPackageFolder(signal: AbortSignal): Promise<Result<string>> {
  const prebuilt = prebuiltPackage();
  if (prebuilt === null)
    return fail(
      'no-llama-cpp',
      `node-llama-cpp has no prebuilt llama.cpp for ${process.platform}/${process.arch}.`,
    );
  const folder = cacheFolder(`node-llama-cpp-${VERSION}`);
  if (existsSync(join(folder, 'node_modules', prebuilt))) return ok(folder);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{"private":true}');
  const startedAt = Date.now();
  say(`npm install node-llama-cpp@${VERSION} into the cache ...`);
  const packages = [`node-llama-cpp@${VERSION}`, `${prebuilt}@${VERSION}`];
  const code = await new Promise<number | null>((done) => {
    const child = spawn(
      'npm',
      [
        'install',
        '--ignore-scripts',
        '--omit=optional',
        '--no-audit',
        '--no-fund',
        '--loglevel=error',
        ...packages,
      ],
      { cwd: folder, stdio: ['ignore', 2, 2], signal, shell: process.platform === 'win32' },
    );
    child.on('error', () => done(null));
    child.on('close', done);
  });
  if (code !== 0)
    return fail('no-llama-cpp', `npm could not install node-llama-cpp@${VERSION}.`, 'Run with --no-llama.');
  say(`node-llama-cpp: ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  return ok(folder);
}
