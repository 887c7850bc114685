import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * The built engine worker: beside the agent on the phone, in `dist/agent/` for commands of `dist/scripts/`
 * and for code that runs from source.
 */
export function findWorkerFile(): string {
  const candidates = [
    './engine-worker.mjs',
    '../agent/engine-worker.mjs',
    '../../dist/agent/engine-worker.mjs',
  ];
  for (const candidate of candidates) {
    const path = fileURLToPath(new URL(candidate, import.meta.url));
    if (existsSync(path)) return path;
  }
  throw new Error('engine-worker.mjs is not built; run node scripts/build.mjs node');
}
