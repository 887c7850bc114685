import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fail, ok, type Result } from '../../core/result.ts';
import { say } from '../shared/command-line.ts';
import type { PhoneSetup } from '../shared/phone-setup.ts';
import { PROJECT_FOLDER } from '../shared/folders.ts';

/**
 * Electron's executable; its package downloads it on first use. Failures: `no-display`, `no-electron`.
 */
export function electronExecutable(): Result<string> {
  const hasDisplay =
    process.platform !== 'linux' ||
    process.env['DISPLAY'] !== undefined ||
    process.env['WAYLAND_DISPLAY'] !== undefined;
  if (!hasDisplay) return fail('no-display', 'There is no display for Electron.');
  try {
    const executable: unknown = createRequire(join(PROJECT_FOLDER, 'package.json'))('electron');
    if (typeof executable === 'string' && existsSync(executable)) return ok(executable);
    return fail(
      'no-electron',
      `Electron is not at ${String(executable)}.`,
      'Delete node_modules/electron and start again.',
    );
  } catch (error) {
    return fail(
      'no-electron',
      'Electron could not be downloaded.',
      'Check the network to its download site.',
      error instanceof Error ? error.message : String(error),
    );
  }
}

/** Runs the Electron app until its window is closed. */
export async function openElectronWindow(
  executable: string,
  setup: PhoneSetup,
  signal: AbortSignal,
): Promise<void> {
  const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
  const { ELECTRON_RUN_AS_NODE: _unset, ...environment } = process.env;
  const child = spawn(executable, [...(isRoot ? ['--no-sandbox'] : []), PROJECT_FOLDER], {
    stdio: ['ignore', 2, 2],
    env: {
      ...environment,
      BUNGEE_DESKTOP_OPTIONS: JSON.stringify(setup.options),
    },
  });
  if (isRoot) say('window: Electron runs without its sandbox because this is root.');
  signal.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
  await new Promise((done) => child.once('exit', done));
}
