import { execFile } from 'node:child_process';
import { fail, ok, type Result } from '../../core/result.ts';

/**
 * Runs a program to its end and returns what it wrote to stdout. Failures: `tool-missing` (not on PATH),
 * `tool-failed` (ended with an error; `detail` has its output), `aborted`.
 */
export function runTool(
  command: string,
  args: readonly string[],
  signal: AbortSignal,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Result<string>> {
  return new Promise((done) => {
    execFile(
      command,
      args,
      { signal, env: environment, maxBuffer: 1 << 26, windowsHide: true },
      (error, stdout, stderr) => {
        if (error === null) done(ok(stdout));
        else if (signal.aborted) done(fail('aborted', `${command} was cancelled.`));
        else if (error.code === 'ENOENT') done(fail('tool-missing', `${command} is not installed.`));
        else done(fail('tool-failed', `${command} ended with an error.`, undefined, `${stdout}${stderr}`));
      },
    );
  });
}
