// `npm test`: types, lint, then unit, integration, browser and Electron tests; ends with `N passed, N failed`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepare, root, say } from './prepare.mjs';

const isCi = process.env.CI === 'true';
const startedAt = Date.now();
await prepare();
const { ensureAptParts, ensureElectron } = await import('./system-parts.mjs');

const counts = { passed: 0, failed: 0, skipped: 0 };
function count(ok, line) {
  counts[ok ? 'passed' : 'failed']++;
  if (line !== undefined) say(`${ok ? 'ok' : 'FAILED'}: ${line}`);
}

for (const part of ensureAptParts()) {
  say(
    `\n!!! ${part} is missing and can't be installed here: the tests that need it are ${isCi ? 'FAILED' : 'SKIPPED'}.\n`,
  );
  if (isCi) count(false, part);
}
const electron = ensureElectron();
if (electron === null) {
  say(`\n!!! No Electron runs here: its wiring tests are ${isCi ? 'FAILED' : 'SKIPPED'}.\n`);
  if (isCi) count(false, 'Electron');
}

function run(title, args, environment = {}) {
  const beganAt = Date.now();
  const { status } = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, ...environment },
  });
  say(`${title}: ${status === 0 ? 'ok' : `exit ${status}`}, ${((Date.now() - beganAt) / 1000).toFixed(1)} s`);
  return status === 0;
}

const binary = (...path) => join(root, 'node_modules', ...path);
const only = process.argv.slice(2);
if (only.length === 0) {
  for (const project of ['tsconfig.json', 'tsconfig.core.json', 'tsconfig.renderer.json'])
    count(run(`types (${project})`, [binary('typescript', 'bin', 'tsc'), '-p', project]));
  count(run('lint', [binary('eslint', 'bin', 'eslint.js'), '.']));
  count(run('format', [binary('prettier', 'bin', 'prettier.cjs'), '--check', '--log-level', 'warn', '.']));
}

const work = mkdtempSync(join(tmpdir(), 'bungee-test-'));
const report = join(work, 'report.json');
run(
  'tests',
  [
    binary('vitest', 'vitest.mjs'),
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...only,
  ],
  { ...(electron === null ? {} : { ELECTRON_OVERRIDE_DIST_PATH: electron }) },
);
if (existsSync(report)) {
  const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(
    readFileSync(report, 'utf8'),
  );
  counts.passed += numPassedTests;
  counts.failed += numFailedTests;
  counts.skipped += numPendingTests;
  // A file that fails to load has no tests to count.
  counts.failed += testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  ).length;
  if (isCi && numPendingTests > 0) {
    for (const file of testResults)
      for (const test of file.assertionResults)
        if (test.status === 'pending') say(`skipped in CI: ${test.fullName}`);
    counts.failed += numPendingTests;
  }
} else count(false, 'vitest wrote no report');
rmSync(work, { recursive: true, force: true });

say(`npm test: ${((Date.now() - startedAt) / 1000).toFixed(0)} s`);
console.log(
  `${counts.passed} passed, ${counts.failed} failed${counts.skipped > 0 && !isCi ? `, ${counts.skipped} skipped` : ''}`,
);
process.exit(counts.failed === 0 ? 0 : 1);
