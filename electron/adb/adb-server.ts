import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fail, ok, type Result } from '../../core/result.ts';
import { createAdbkitLink } from './adbkit-link.ts';

/** The port of the user's own adb server, unless ANDROID_ADB_SERVER_PORT says otherwise. */
export const DEFAULT_ADB_PORT = 5037;
const START_TIMEOUT_MS = 20_000;

export function adbPortFromEnvironment(env: NodeJS.ProcessEnv): number {
  const port = Number(env['ANDROID_ADB_SERVER_PORT']);
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : DEFAULT_ADB_PORT;
}

/** Where `adb` is looked for, in order: PATH, then the SDK's folders. */
export function adbCandidates(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string[] {
  const name = platform === 'win32' ? 'adb.exe' : 'adb';
  const sdks = [env['ANDROID_HOME'], env['ANDROID_SDK_ROOT']];
  const home = env['HOME'] ?? env['USERPROFILE'];
  if (home !== undefined) {
    if (platform === 'darwin') sdks.push(join(home, 'Library/Android/sdk'));
    else if (platform === 'win32') sdks.push(join(home, 'AppData/Local/Android/Sdk'));
    else sdks.push(join(home, 'Android/Sdk'));
  }
  return [
    ...(env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== ''),
    ...sdks.filter((sdk) => sdk !== undefined && sdk !== '').map((sdk) => join(sdk ?? '', 'platform-tools')),
  ].map((folder) => join(folder, name));
}

/** Path of the user's `adb`, null where there is none. A window started from a desktop icon has a short PATH. */
export async function findAdb(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): Promise<string | null> {
  for (const candidate of adbCandidates(env, platform)) {
    try {
      await access(candidate, constants.X_OK);
      return candidate;
    } catch {
      continue;
    }
  }
  return null;
}

/** First line of `adb version`, e.g. `Android Debug Bridge version 1.0.41`. */
export function adbVersionText(binary: string): Promise<Result<string>> {
  return runAdb(binary, ['version']);
}

function runAdb(binary: string, args: readonly string[]): Promise<Result<string>> {
  return new Promise((resolve) => {
    execFile(binary, args, { timeout: START_TIMEOUT_MS, windowsHide: true }, (error, stdout, stderr) => {
      resolve(
        error === null
          ? ok(stdout.split('\n')[0]?.trim() ?? '')
          : fail(
              'adb-start-failed',
              `\`${binary} ${args.join(' ')}\` failed: ${stderr.trim().split('\n').at(-1) ?? error.message}.`,
              'Run it in a terminal to see why, or start with `--phone virtual`.',
              stderr,
            ),
      );
    });
  });
}

export interface AdbServer {
  readonly host: string;
  readonly port: number;
  /** Protocol version of the server. */
  readonly version: number;
  /** Binary that started it now; null = it was running. */
  readonly startedBy: string | null;
}

/**
 * The adb server at `host:port`: the one that runs, else started with the user's `adb`. It is never killed,
 * not even one started here: other tools may be using it by then.
 *
 * Failures: `adb-missing` (none runs and there is no binary), `adb-start-failed`.
 */
export async function reachAdbServer(options: {
  readonly host: string;
  readonly port: number;
  /** false: an embedded server, which its owner starts. */
  readonly mayStart: boolean;
}): Promise<Result<AdbServer>> {
  const { host, port } = options;
  const link = createAdbkitLink(host, port);
  const running = await link.serverVersion();
  if (running.ok) return ok({ host, port, version: running.value, startedBy: null });
  if (!options.mayStart)
    return fail(
      'adb-unreachable',
      `The built-in adb server on ${host}:${port} does not answer.`,
      'Start Bungee again.',
    );
  const binary = await findAdb();
  if (binary === null)
    return fail(
      'adb-missing',
      `No adb server runs on ${host}:${port} and no \`adb\` was found on PATH or in ANDROID_HOME.`,
      'Install Android platform-tools (Debian: apt install adb), or use the virtual phone: `npm start -- --phone virtual`.',
    );
  const started = await runAdb(binary, ['-P', String(port), 'start-server']);
  if (!started.ok) return started;
  const version = await link.serverVersion();
  return version.ok ? ok({ host, port, version: version.value, startedBy: binary }) : version;
}
