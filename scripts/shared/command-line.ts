import { CommanderError, type Command } from 'commander';
import { describeFailure, FailureError, type Failure } from '../../core/result.ts';

/** Progress and messages for a person; stdout is kept for results. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** A failure as a command shows it: one line, raw output only with `BUNGEE_DETAIL=1`. */
export function sayFailure(failure: Failure): void {
  say(`bungee: ${describeFailure(failure)}`);
  if (failure.detail !== undefined && process.env['BUNGEE_DETAIL'] === '1') say(failure.detail);
}

/**
 * Runs a command to its end: exit 0, 1 after a failure (one line on stderr), 2 for wrong arguments, 130 when
 * interrupted. The signal aborts at the first SIGINT or SIGTERM; a second one ends the process at once.
 */
export async function runCommand(
  program: Command,
  action: (signal: AbortSignal) => Promise<void>,
): Promise<never> {
  const abort = new AbortController();
  const interrupt = (): void => {
    if (abort.signal.aborted) process.exit(130);
    abort.abort();
  };
  // Libraries' debug lines would stand between the lines of --json.
  console.debug = console.error;
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    program.exitOverride().showHelpAfterError();
    program.parse();
    await action(abort.signal);
    process.exit(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
    if (abort.signal.aborted) {
      say('bungee: interrupted.');
      process.exit(130);
    }
    if (error instanceof FailureError) {
      sayFailure(error.failure);
      process.exit(1);
    }
    throw error;
  }
}

/** Writes the result of a `--json` command: one line, flushed before the process ends. */
export async function printJson(value: unknown): Promise<void> {
  await new Promise<void>((done) => process.stdout.write(`${JSON.stringify(value)}\n`, () => done()));
}

/** Says a changing line at most every `everyMs`, always its first and last state. */
export function throttledSay(everyMs = 1000): (line: string, last?: boolean) => void {
  let saidAt = 0;
  return (line, last = false) => {
    const now = Date.now();
    if (!last && now - saidAt < everyMs) return;
    saidAt = now;
    say(line);
  };
}
