import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import { unwrap } from '../../core/result.ts';
import { elasticize, tinySourceModel } from '../../offline/index.ts';

export const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const IS_CI = process.env['CI'] === 'true';

/** A folder for one test file's home, state and adb server; the user's own are left alone. */
export class Workplace {
  readonly dir = mkdtempSync(join(tmpdir(), 'bungee-e2e-'));
  readonly environment: NodeJS.ProcessEnv;
  readonly #children = new Set<ChildProcess>();
  readonly #adbPort: number;

  private constructor(adbPort: number, withAdb: boolean) {
    this.#adbPort = adbPort;
    const { ELECTRON_RUN_AS_NODE: _unset, ...inherited } = process.env;
    this.environment = {
      ...inherited,
      // Cached downloads stay where they are; everything else is this test's own.
      BUNGEE_CACHE:
        process.env['BUNGEE_CACHE'] ??
        join(process.env['XDG_CACHE_HOME'] ?? join(process.env['HOME'] ?? '/', '.cache'), 'bungee'),
      BUNGEE_STATE: join(this.dir, 'state'),
      HOME: this.dir,
      ANDROID_ADB_SERVER_PORT: String(adbPort),
      // Nothing of the product needs PATH but finding the user's adb.
      ...(withAdb ? {} : { PATH: join(this.dir, 'no-adb'), ANDROID_HOME: '', ANDROID_SDK_ROOT: '' }),
    };
  }

  static async open(options: { readonly withAdb: boolean }): Promise<Workplace> {
    return new Workplace(await freePort(), options.withAdb);
  }

  /** Runs dist/scripts/VERB.mjs. */
  spawn(verb: string, args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [join(PROJECT, 'dist', 'scripts', `${verb}.mjs`), ...args], {
      env: this.environment,
      cwd: PROJECT,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  /** Runs a command to its end. */
  async run(
    verb: string,
    args: readonly string[],
  ): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const child = this.spawn(verb, args);
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const code = await new Promise<number | null>((done) => child.once('close', done));
    return { code, stdout, stderr };
  }

  /** First line of stdout that the pattern matches; rejects with stderr when the command ends before. */
  async lineOf(child: ChildProcess, stream: 'stdout' | 'stderr', pattern: RegExp): Promise<string> {
    const source = child[stream];
    if (source === null) throw new Error('the stream is piped');
    const seen: string[] = [];
    return new Promise((done, failed) => {
      if (stream === 'stdout') child.stderr?.on('data', (chunk: Buffer) => seen.push(chunk.toString()));
      createInterface({ input: source }).on('line', (line) => {
        seen.push(`${line}\n`);
        if (pattern.test(line)) done(line);
      });
      child.once('exit', (code) => failed(new Error(`ended with ${code}:\n${seen.join('')}`)));
    });
  }

  async close(): Promise<void> {
    for (const child of this.#children) {
      const gone = new Promise((done) => child.once('exit', done));
      child.kill('SIGTERM');
      const slow = setTimeout(() => child.kill('SIGKILL'), 8000);
      await gone;
      clearTimeout(slow);
    }
    await new Promise((done) =>
      spawn('adb', ['-P', String(this.#adbPort), 'kill-server'], {
        stdio: 'ignore',
        env: { ...process.env, HOME: this.dir },
      })
        .once('error', done)
        .once('exit', done),
    );
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A bundle of random weights, for tests of the wiring; its context holds the apps' prompts byte by byte. */
export async function tinyBundle(dir: string): Promise<string> {
  unwrap(
    await elasticize({
      model: tinySourceModel({ config: { contextLength: 4096 } }),
      out: dir,
      variant: 'int8',
    }),
  );
  return dir;
}
