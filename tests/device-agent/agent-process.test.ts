import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agentStateFileSchema } from '../../core/agent-api.ts';
import { buildAgentFile } from './support/build-worker.ts';
import { makeTinyBundle, type TinyBundle } from './support/tiny-bundle.ts';

// The built agent as a process of its own: what the phone runs.

const TOKEN = 'token-of-the-agent-process';
let bundle: TinyBundle;
let entry = '';
let folder = '';

beforeAll(async () => {
  bundle = await makeTinyBundle('int8');
  entry = await buildAgentFile('main');
  folder = dirname(entry);
  cpSync(await buildAgentFile('engine-worker'), join(folder, 'engine-worker.mjs'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  bundle.remove();
});

interface Run {
  readonly child: ChildProcess;
  readonly output: () => { stdout: string; stderr: string };
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
  readonly until: (text: string) => Promise<void>;
}

function run(args: readonly string[], options: { cwd?: string; token?: string } = {}): Run {
  const child = spawn(process.execPath, [entry, ...args], {
    cwd: options.cwd,
    env: { ...process.env, BUNGEE_TOKEN: options.token ?? TOKEN },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, stdout, stderr })),
  );
  return {
    child,
    output: () => ({ stdout, stderr }),
    ended,
    until: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (stdout.includes(text)) resolve();
        };
        look();
        child.stdout.on('data', look);
        void ended.then(() => reject(new Error(`ended without ${JSON.stringify(text)}: ${stderr}`)));
      }),
  };
}

/** A copy of the bundle, damaged. */
function damaged(damage: (dir: string) => void): string {
  const dir = join(bundle.newHome(), 'bundle');
  cpSync(bundle.dir, dir, { recursive: true });
  damage(dir);
  return dir;
}

describe('agent process', () => {
  test('starts with folders relative to its own, serves, and stops cleanly on SIGTERM', async () => {
    const cwd = bundle.newHome();
    cpSync(bundle.dir, join(cwd, 'bundle'), { recursive: true });
    mkdirSync(join(cwd, 'agent'));
    const agent = run(['--bundle', 'bundle', '--home', 'agent', '--threads', '1'], { cwd });
    await agent.until('ready: tiny-random');
    const stateFile = join(cwd, 'agent', 'agent.json');
    const state = agentStateFileSchema.parse(JSON.parse(readFileSync(stateFile, 'utf8')));
    expect(state).toMatchObject({ pid: agent.child.pid, token: TOKEN });
    const response = await fetch(`http://127.0.0.1:${state.port}/v1/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${state.token}` },
      body: JSON.stringify({ prompt: 'hello', max_tokens: 300, temperature: 0, stream: true }),
    });
    const reader = response.body?.getReader();
    await reader?.read();
    agent.child.kill('SIGTERM');
    expect((await agent.ended).code).toBe(0);
    expect(agent.output().stderr).toBe('');
    expect(existsSync(stateFile)).toBe(false);
  });

  test('the token never shows in its log', async () => {
    const agent = run(['--bundle', bundle.dir, '--home', bundle.newHome(), '--threads', '1']);
    await agent.until('ready');
    agent.child.kill('SIGTERM');
    const { stdout, stderr } = await agent.ended;
    expect(stdout + stderr).not.toContain(TOKEN);
  });

  test.each<[string, (dir: string) => void, string]>([
    [
      'a truncated weights file',
      (dir) => truncateSync(join(dir, 'weights.bin'), 1000),
      'weights.bin has 1000 bytes',
    ],
    ['a missing graph', (dir) => rmSync(join(dir, 'zero-row.onnx')), 'zero-row.onnx is missing'],
    ['a foreign folder', (dir) => rmSync(join(dir, 'manifest.json')), 'there is no bundle here'],
    [
      'a newer manifest',
      (dir) => writeFileSync(join(dir, 'manifest.json'), '{"schemaVersion":99}'),
      'schema version 99',
    ],
  ])('refuses %s with one line and exit code 1', async (_name, damage, message) => {
    const home = bundle.newHome();
    const { code, stderr } = await run(['--bundle', damaged(damage), '--home', home]).ended;
    expect(code).toBe(1);
    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(existsSync(join(home, 'agent.json'))).toBe(false);
  });

  test('a taken port: one line, exit code 1, and the other agent’s state stays', async () => {
    const server: Server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const home = bundle.newHome();
    writeFileSync(join(home, 'agent.json'), 'of the other agent');
    const { code, stderr } = await run(['--bundle', bundle.dir, '--home', home, '--port', String(port)])
      .ended;
    expect([code, stderr]).toEqual([
      1,
      `Port ${port} is taken. Choose another --port, or 0 for any free one.\n`,
    ]);
    expect(readFileSync(join(home, 'agent.json'), 'utf8')).toBe('of the other agent');
    await new Promise((resolve) => server.close(resolve));
  });

  test('wrong usage: exit code 2', async () => {
    for (const [args, token] of [
      [['--home', '.'], TOKEN],
      [['--bundle', bundle.dir, '--home', '.'], 'short'],
    ] as const) {
      const { code, stderr } = await run(args, { token }).ended;
      expect(code).toBe(2);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    }
  });
});
