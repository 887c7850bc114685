// `npm run VERB`: makes a fresh clone ready, then runs dist/scripts/VERB.mjs with the remaining arguments.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { prepare, root } from './prepare.mjs';

const [verb, ...args] = process.argv.slice(2);
await prepare();
const child = spawn(process.execPath, [join(root, 'dist', 'scripts', `${verb}.mjs`), ...args], {
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
