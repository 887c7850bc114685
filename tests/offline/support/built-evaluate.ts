import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A subcommand of `evaluate` as built from this checkout. */
export interface BuiltEvaluate {
  readonly run: (...args: string[]) => Promise<Ended>;
  readonly close: () => void;
}

export async function buildEvaluate(subcommand: 'levels' | 'strategies'): Promise<BuiltEvaluate> {
  const root = fileURLToPath(new URL('../../../', import.meta.url));
  const builtTo = join(root, '.cache', `test-evaluate-${subcommand}`, String(process.pid));
  const command = join(builtTo, 'scripts', 'evaluate.mjs');
  await build({
    absWorkingDir: root,
    entryPoints: ['scripts/evaluate.ts'],
    outfile: command,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    logLevel: 'warning',
  });
  const run = (...args: string[]): Promise<Ended> =>
    new Promise((done) => {
      const child = spawn(process.execPath, [command, subcommand, ...args]);
      const [out, error]: [Buffer[], Buffer[]] = [[], []];
      child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
      child.stderr.on('data', (chunk: Buffer) => error.push(chunk));
      child.on('close', (status) =>
        done({ status, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(error).toString() }),
      );
    });
  return { run, close: () => rmSync(builtTo, { recursive: true, force: true }) };
}
