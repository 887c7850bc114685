import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fail, ok, type Result } from '../../core/result.ts';
import { say } from '../shared/command-line.ts';
import { cacheFolder } from '../shared/folders.ts';
import { runTool } from './run-tool.ts';

const ZIG_VERSION = '0.17.1';
/** The package's wheels for x64 and arm64 Linux and for x64 Windows, by content. */
const WHEEL_SHA256 = [
  'ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54',
  'b7c5f02fccd40f89b999ee16a1f5ddced56e6182370f8affe494bcf8a28cf07e',
  '69c3dfc3aff6a297ec4017aa904782c0e450eb988982d7f675d83edce27526fb',
];

/**
 * Zig's C compiler, which builds for Android without its NDK: from the Python package `ziglang` by pip (which knows
 * the user's index), once, into the cache; 100 MB to fetch.
 *
 * @returns path of the program. Failures: `no-zig`, `aborted`.
 */
export async function zigCompiler(signal: AbortSignal): Promise<Result<string>> {
  const folder = cacheFolder(`zig-${ZIG_VERSION}`);
  const program = join(folder, 'ziglang', process.platform === 'win32' ? 'zig.exe' : 'zig');
  if (existsSync(program)) return ok(program);
  await mkdir(dirname(folder), { recursive: true });
  const work = await mkdtemp(`${folder}-`);
  try {
    const requirements = join(work, 'requirements.txt');
    const pins = WHEEL_SHA256.map((sha256) => `--hash=sha256:${sha256}`).join(' ');
    await writeFile(requirements, `ziglang==${ZIG_VERSION} ${pins}\n`);
    const startedAt = Date.now();
    say(`pip: ziglang ${ZIG_VERSION}, about 100 MB ...`);
    const install = [
      '-m',
      'pip',
      'install',
      '-q',
      '--disable-pip-version-check',
      '--no-deps',
      '--no-compile',
    ];
    const target = [
      '--only-binary=:all:',
      '--require-hashes',
      '--target',
      join(work, 'tree'),
      '-r',
      requirements,
    ];
    const installed = await runTool('python3', [...install, ...target], signal);
    if (!installed.ok)
      return installed.failure.code === 'aborted'
        ? installed
        : fail(
            'no-zig',
            `pip can't install ziglang ${ZIG_VERSION}: ${installed.failure.message}`,
            'Install Python with pip, and check the network to your package index.',
            installed.failure.detail,
          );
    await rename(join(work, 'tree'), folder).catch((error: unknown) => {
      // Another process was first.
      if (!existsSync(program)) throw error;
    });
    say(`ziglang: ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
    return ok(program);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
