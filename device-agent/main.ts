import { describeFailure, type Failure } from '../core/result.ts';
import { startAgent } from './agent.ts';
import { readOptions } from './command-line.ts';

// Entry of the agent on the phone. Exit codes: 0 stopped, 1 cannot run, 2 usage.

/** After this the process ends even if the runtime does not return from its kernel. */
const EXIT_DEADLINE_MS = 5_000;

function log(line: string): void {
  process.stdout.write(`${new Date().toISOString()} ${line}\n`);
}

function fail(failure: Failure, code: number): number {
  process.stderr.write(`${describeFailure(failure)}\n`);
  return code;
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), process.env);
  if (!options.ok) return fail(options.failure, 2);
  const stopRequested = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => resolve(signal));
  });
  const started = await startAgent({ ...options.value, log });
  if (!started.ok) return fail(started.failure, 1);
  const agent = started.value;
  log(`listening on 127.0.0.1:${agent.port}`);
  const first = await Promise.race([agent.loaded, stopRequested]);
  if (typeof first !== 'string' && !first.ok) {
    const code = fail(first.failure, 1);
    await agent.stop();
    return code;
  }
  log(`stopping on ${await stopRequested}`);
  setTimeout(() => process.exit(0), EXIT_DEADLINE_MS).unref();
  await agent.stop();
  log('stopped');
  return 0;
}

process.exit(await main());
