import { spawn } from 'node:child_process';
import { fail, ok, type Result } from '../../../core/result.ts';

const KEPT_BYTES = 16_384;

/**
 * Runs a package client (npm, apt-get) in `cwd` to its end; its output is kept for failures.
 *
 * Failures: `client-missing` (no such command), `client-failed` (ended with an error; the message is its last
 * line), `aborted`.
 */
export function runClient(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv; readonly signal: AbortSignal },
): Promise<Result<null>> {
  const { cwd, signal, env = process.env } = options;
  return new Promise((done) => {
    let output = '';
    const child = spawn(command, args, {
      cwd,
      env,
      signal,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      // `npm` is a batch file there.
      shell: process.platform === 'win32' && command === 'npm',
    });
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-KEPT_BYTES);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) =>
      done(
        signal.aborted
          ? fail('aborted', `${command} was cancelled.`)
          : fail('client-missing', `${command} can't be started: ${error.message}.`),
      ),
    );
    child.on('close', (code) =>
      done(
        code === 0
          ? ok(null)
          : fail('client-failed', `${command} says: ${telling(output)}`, undefined, output),
      ),
    );
  });
}

/** The line that says what went wrong: the last with `err` or `E:` at its front, else the last of all. */
function telling(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const errors = lines.filter(
    (line) => /^(npm (err|error)|E:)/i.test(line) && !/complete log|debug-\d/i.test(line),
  );
  // npm tells the reason first, apt last.
  const line =
    (errors[0]?.startsWith('npm') === true
      ? errors.find((l) => / 404 | E[A-Z]{3,}|code /.test(l))
      : errors.at(-1)) ?? lines.at(-1);
  return (line ?? 'nothing').trim().slice(0, 300);
}
