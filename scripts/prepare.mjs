// Brings a fresh clone to a state in which commands run: dependencies by the lock file, then dist/.
// Plain Node, no dependencies: it runs before node_modules exists. Says what it does on stderr.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const OLDEST_NODE = [20, 19];
const SOURCE_FOLDERS = [
  'core',
  'offline',
  'device-agent',
  'virtual-phone',
  'electron',
  'renderer',
  'scripts',
];

export function say(line) {
  process.stderr.write(`${line}\n`);
}

function seconds(sinceMs) {
  return `${((Date.now() - sinceMs) / 1000).toFixed(1)} s`;
}

function folderBytes(folder) {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
    if (entry.isFile()) bytes += statSync(join(entry.parentPath ?? entry.path, entry.name)).size;
  return bytes;
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  say(
    `Bungee needs Node ${OLDEST_NODE.join('.')} or later; this is ${process.version}. Get one from nodejs.org.`,
  );
  process.exit(1);
}

/** `npm ci` when node_modules does not hold what the lock file names. */
function installDependencies() {
  const stamp = join(root, 'node_modules', '.bungee-lock');
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  const startedAt = Date.now();
  say('npm ci: installing what package-lock.json names ...');
  const npmScript = process.env.npm_execpath;
  const [command, first] = npmScript?.endsWith('.js') ? [process.execPath, [npmScript]] : ['npm', []];
  const run = spawnSync(command, [...first, 'ci', '--no-progress', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32' && command === 'npm',
  });
  if (run.status !== 0) {
    say('npm ci failed (its own message is above). Check the network to the npm registry, then run again.');
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
  const packages = readdirSync(join(root, 'node_modules')).length;
  say(
    `npm ci: ${packages} packages, ${(folderBytes(join(root, 'node_modules')) / 1e6).toFixed(0)} MB, ${seconds(startedAt)}`,
  );
}

/** Name, size and time of change of every source file: what decides whether dist/ is fresh. */
function sourceFingerprint() {
  const hash = createHash('sha256').update(process.version);
  for (const folder of SOURCE_FOLDERS) {
    const files = readdirSync(join(root, folder), { withFileTypes: true, recursive: true }).filter((e) =>
      e.isFile(),
    );
    for (const path of files.map((e) => join(e.parentPath ?? e.path, e.name)).sort()) {
      const { size, mtimeMs } = statSync(path);
      hash.update(`${path}\0${size}\0${mtimeMs}\n`);
    }
  }
  return hash.digest('hex');
}

async function build() {
  const stamp = join(root, 'dist', '.fingerprint');
  const fingerprint = sourceFingerprint();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint) return;
  const startedAt = Date.now();
  const { buildAll } = await import('./build.mjs');
  try {
    await buildAll();
  } catch (error) {
    say(`build failed: ${error instanceof Error ? error.message : error}`);
    process.exit(1);
  }
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(stamp, fingerprint);
  say(`build: dist/ ${(folderBytes(join(root, 'dist')) / 1e6).toFixed(1)} MB, ${seconds(startedAt)}`);
}

/** Everything that a command needs before it can start. */
export async function prepare() {
  checkNode();
  installDependencies();
  await build();
}
