import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder; commands run from dist/scripts/. */
export const PROJECT_FOLDER = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

export function distFolder(...parts: string[]): string {
  return join(PROJECT_FOLDER, 'dist', ...parts);
}

function userFolder(purpose: 'cache' | 'state'): string {
  if (process.platform === 'win32')
    return join(process.env['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local'), 'Bungee', purpose);
  if (process.platform === 'darwin')
    return join(homedir(), 'Library', purpose === 'cache' ? 'Caches' : 'Application Support', 'Bungee');
  const [variable, fallback] =
    purpose === 'cache' ? ['XDG_CACHE_HOME', '.cache'] : ['XDG_STATE_HOME', join('.local', 'state')];
  return join(process.env[variable] ?? join(homedir(), fallback), 'bungee');
}

/** What can be fetched or built again: base weights, bundles. `BUNGEE_CACHE` moves it. */
export function cacheFolder(...parts: string[]): string {
  return join(process.env['BUNGEE_CACHE'] ?? userFolder('cache'), ...parts);
}

/** What must not be lost: runs, profiles, aliases, tokens. `BUNGEE_STATE` moves it. */
export function stateFolder(...parts: string[]): string {
  return join(process.env['BUNGEE_STATE'] ?? userFolder('state'), ...parts);
}

/** onnxruntime-node's package folder. */
export function onnxruntimeFolder(): string {
  return dirname(
    createRequire(join(PROJECT_FOLDER, 'package.json')).resolve('onnxruntime-node/package.json'),
  );
}
