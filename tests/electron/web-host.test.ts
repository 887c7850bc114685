import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DesktopUpdate } from '../../core/desktop-contract.ts';
import type { DesktopState } from '../../core/desktop-state.ts';
import { ok, unwrap } from '../../core/result.ts';
import { browserCommand } from '../../electron/web/open-browser.ts';
import { startWebHost, type WebHost } from '../../electron/web/web-host.ts';

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: NodeJS.Dict<string | string[]>;
}

let host: WebHost;
let folder: string;
let cookie: string;
const calls: unknown[] = [];
let deliver: ((update: DesktopUpdate) => boolean) | null = null;
let unsubscribed = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bungee-web-'));
  await mkdir(join(folder, 'page', 'assets'), { recursive: true });
  await writeFile(join(folder, 'page', 'index.html'), '<!doctype html>page');
  await writeFile(join(folder, 'page', 'assets', 'a.js'), 'export {};');
  await writeFile(join(folder, 'secret.json'), '{"secret":1}');
  await symlink(join(folder, 'secret.json'), join(folder, 'page', 'assets', 'link.json'));
  host = unwrap(
    await startWebHost({
      pageDir: join(folder, 'page'),
      port: 0,
      service: {
        call: (command: string, body: unknown) => {
          calls.push([command, body]);
          return Promise.resolve(
            command === 'state'
              ? ok({} as never)
              : { ok: false as const, failure: { code: 'unknown-command', message: 'none.' } },
          );
        },
        subscribe: (to) => {
          deliver = to;
          to({ state: { version: '1' } as DesktopState, live: [], dropped: 0 });
          return { ready: () => undefined, unsubscribe: () => void (unsubscribed += 1) };
        },
      },
    }),
  );
  const opened = await ask({ path: new URL(host.url).pathname + new URL(host.url).search });
  expect(opened.status).toBe(303);
  cookie = String(opened.headers['set-cookie']).split(';')[0] ?? '';
});
afterAll(async () => {
  await host.close();
  await rm(folder, { recursive: true, force: true });
});

function ask(what: {
  path?: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  /** Leave out to send no cookie. */
  withCookie?: boolean;
}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port: host.port,
        path: what.path ?? '/',
        method: what.method ?? 'GET',
        headers: { ...(what.withCookie === true ? { cookie } : {}), ...what.headers },
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (body += chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body, headers: response.headers }),
        );
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(what.body);
  });
}

const json = { 'content-type': 'application/json' };

describe('the web host refuses', () => {
  test.each([
    ['the page without a token', {}, 401],
    ['a wrong token', { path: '/?token=wrong' }, 401],
    ['an empty token', { path: '/?token=' }, 401],
    ['a command without a cookie', { path: '/api/state', method: 'POST', headers: json, body: '{}' }, 401],
    ['updates without a cookie', { path: '/api/updates' }, 401],
    ['a file without a cookie', { path: '/assets/a.js' }, 401],
    ['a foreign host name', { withCookie: true, headers: { host: 'evil.example' } }, 403],
    ['our address under another port', { withCookie: true, headers: { host: '127.0.0.1:1' } }, 403],
    ['a foreign origin', { withCookie: true, headers: { origin: 'http://evil.example' } }, 403],
    ['a null origin', { withCookie: true, headers: { origin: 'null' } }, 403],
    [
      'a form post',
      {
        path: '/api/state',
        method: 'POST',
        withCookie: true,
        headers: { 'content-type': 'text/plain' },
        body: '{}',
      },
      415,
    ],
    ['a command by GET', { path: '/api/state', withCookie: true }, 405],
    [
      'updates by POST',
      { path: '/api/updates', method: 'POST', withCookie: true, headers: json, body: '{}' },
      405,
    ],
    [
      'malformed JSON',
      { path: '/api/state', method: 'POST', withCookie: true, headers: json, body: '{' },
      400,
    ],
    [
      'a big body',
      {
        path: '/api/state',
        method: 'POST',
        withCookie: true,
        headers: json,
        body: `"${'x'.repeat(100_000)}"`,
      },
      413,
    ],
    [
      'an unknown command',
      { path: '/api/rm', method: 'POST', withCookie: true, headers: json, body: '{}' },
      404,
    ],
    ['a path out of the folder', { path: '/../secret.json', withCookie: true }, 404],
    ['an encoded path out of the folder', { path: '/%2e%2e/secret.json', withCookie: true }, 404],
    ['a link out of the folder', { path: '/assets/link.json', withCookie: true }, 404],
    ['a bad encoding', { path: '/%zz.js', withCookie: true }, 404],
    ['a file of another kind', { path: '/assets', withCookie: true }, 404],
  ])('%s', async (_name, what, status) => {
    const before = calls.length;
    const answer = await ask(what).catch((error: NodeJS.ErrnoException) => ({
      status: error.code === 'EPIPE' || error.code === 'ECONNRESET' ? status : 0,
      body: '',
      headers: {},
    }));
    expect(answer.status).toBe(status);
    expect(answer.body).not.toContain('secret":1');
    if (status !== 404) expect(calls.length).toBe(before);
  });

  test('a body that lies about its length', async () => {
    const chunked = { ...json, 'transfer-encoding': 'chunked' };
    const answer = await ask({
      path: '/api/state',
      method: 'POST',
      withCookie: true,
      headers: chunked,
      body: `"${'x'.repeat(200_000)}"`,
    }).catch(() => null);
    expect(answer === null || answer.status === 413).toBe(true);
  });
});

test('with the cookie it serves page, files and commands, under a strict policy', async () => {
  const page = await ask({ withCookie: true });
  expect(page).toMatchObject({ status: 200, body: '<!doctype html>page' });
  expect(page.headers['content-security-policy']).toContain("default-src 'none'");
  expect(page.headers['access-control-allow-origin']).toBeUndefined();
  expect(page.headers['x-content-type-options']).toBe('nosniff');
  expect((await ask({ path: '/assets/a.js', withCookie: true })).headers['content-type']).toMatch(
    /javascript/,
  );
  const origin = `http://127.0.0.1:${host.port}`;
  const answer = await ask({
    path: '/api/state',
    method: 'POST',
    withCookie: true,
    headers: { ...json, origin },
    body: '{"a":1}',
  });
  expect(JSON.parse(answer.body)).toEqual({ ok: true, value: {} });
  expect(calls.at(-1)).toEqual(['state', { a: 1 }]);
});

test('the cookie is out of reach of scripts and other sites', async () => {
  const opened = await ask({ path: `/${new URL(host.url).search}` });
  expect(String(opened.headers['set-cookie'])).toMatch(/; HttpOnly; SameSite=Strict; Path=\/$/);
  expect(opened.headers['location']).toBe('/');
});

test('updates stream until the window closes', async () => {
  const received: DesktopUpdate[] = [];
  await new Promise<void>((done, failed) => {
    const sent = request(
      { host: '127.0.0.1', port: host.port, path: '/api/updates', headers: { cookie } },
      (response) => {
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          for (const line of chunk.split('\n'))
            if (line.startsWith('data: ')) received.push(JSON.parse(line.slice(6)) as DesktopUpdate);
          if (received.length === 1)
            deliver?.({ live: [{ kind: 'note', hostAtMs: 1, severity: 'info', text: 'hi' }], dropped: 3 });
          if (received.length === 2) {
            sent.destroy();
            done();
          }
        });
        response.on('error', () => undefined);
      },
    );
    sent.on('error', failed);
    sent.end();
  });
  expect(received[0]?.state?.version).toBe('1');
  expect(received[1]).toMatchObject({ dropped: 3, live: [{ text: 'hi' }] });
  for (let i = 0; i < 100 && unsubscribed === 0; i++) await new Promise((done) => setTimeout(done, 20));
  expect(unsubscribed).toBe(1);
});

test('a taken port is one clear failure', async () => {
  const service = {
    call: () => Promise.reject(new Error()),
    subscribe: () => ({ ready: () => undefined, unsubscribe: () => undefined }),
  };
  const taken = await startWebHost({ service, pageDir: folder, port: host.port });
  expect(taken.ok ? null : taken.failure).toMatchObject({ code: 'port-taken' });
});

test.each(['linux', 'darwin', 'win32'] as const)('on %s no shell sees the address', (platform) => {
  const [command, args] = browserCommand('http://127.0.0.1:1/?token=a&b', platform);
  expect(command).not.toMatch(/cmd|sh$/);
  expect(args.at(-1)).toBe('http://127.0.0.1:1/?token=a&b');
});
