import { createServer, type Server, type ServerResponse } from 'node:http';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fail, ok } from '../../core/result.ts';
import { browserMissing, buildPage, CHROMIUM, CHROMIUM_ARGS, type BuiltPage } from './fake/page.ts';
import { EMPTY_STATE, IDLE_STATE } from './fake/demo-state.ts';
import { wholeRequest } from './build-events.ts';

const missing = browserMissing();

interface Host {
  readonly address: string;
  readonly bodies: [string, unknown][];
  send(update: unknown): void;
  close(): Promise<void>;
}

/** A host as the contract has it: the built page, `POST /api/<command>`, `GET /api/updates` behind a cookie. */
async function startHost(folder: string): Promise<Host> {
  const streams = new Set<ServerResponse>();
  const bodies: [string, unknown][] = [];
  const server: Server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://host');
    if (searchParams.get('token') === 'good') {
      response.setHeader('set-cookie', 'bungee=good; HttpOnly; SameSite=Strict; Path=/');
    }
    if (!pathname.startsWith('/api/')) {
      const file = pathname === '/' ? 'index.html' : pathname.slice(1);
      const type = file.endsWith('.js')
        ? 'text/javascript'
        : file.endsWith('.css')
          ? 'text/css'
          : 'text/html';
      response.writeHead(200, { 'content-type': type }).end(readFileSync(join(folder, file)));
    } else if (request.headers.cookie !== 'bungee=good') {
      response.writeHead(401).end('{}');
    } else if (pathname === '/api/updates') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      streams.add(response);
      response.write(`data: ${JSON.stringify({ state: IDLE_STATE, live: [], dropped: 0 })}\n\n`);
    } else {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const command = pathname.slice('/api/'.length);
        bodies.push([command, JSON.parse(body)]);
        const answer =
          command === 'session.start'
            ? fail('phone-gone', 'Pixel 8 was unplugged.', 'Plug it in again.')
            : ok(null);
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    bodies,
    send(update) {
      for (const stream of streams) stream.write(`data: ${JSON.stringify(update)}\n\n`);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

describe.skipIf(missing !== null)('the window over the web host', () => {
  let built: BuiltPage;
  let host: Host;
  beforeAll(async () => {
    built = await buildPage();
    host = await startHost(built.folder);
  });
  afterAll(async () => {
    await host.close().catch(() => undefined);
    await built.close();
  });

  it('shows state and events from the stream, sends commands, and shows their failures', async () => {
    const page = await built.openBare(`${host.address}?token=good`);
    await page.getByText('Start pushes SmolLM2-135M-Instruct to Pixel 8').waitFor();
    host.send({ live: wholeRequest(0, 'web-1', 'gmail', true), dropped: 7 });
    await page.getByRole('button', { name: 'Details of request web-1' }).waitFor();
    await page.getByText('dropped 7').waitFor();
    host.send({ state: { ...EMPTY_STATE, devices: IDLE_STATE.devices }, live: [], dropped: 7 });
    await page.locator('.top-bar .next-step', { hasText: 'Add a bundle' }).waitFor();
    host.send({ state: IDLE_STATE, live: [], dropped: 7 });
    await page.locator('.top-bar .next-step', { hasText: 'Start' }).click();
    await page.getByRole('alert').filter({ hasText: 'Pixel 8 was unplugged. Plug it in again.' }).waitFor();
    expect(host.bodies).toEqual([['session.start', { serial: 'virtual-1', bundleId: 'smollm2-int8' }]]);
    await page.context().close();
  });

  it('drops an update that is not as the contract has it, and goes on', async () => {
    const page = await built.openBare(`${host.address}?token=good`);
    await page.getByText('Start pushes').waitFor();
    const complaint = page.waitForEvent('console', (message) => message.text().includes('is invalid: live'));
    host.send({ live: 'no list', dropped: 0 });
    await complaint;
    host.send({ live: wholeRequest(0, 'after', 'gmail', true), dropped: 0 });
    await page.getByRole('button', { name: 'Details of request after' }).waitFor();
    await page.context().close();
  });

  it('sends a page without the key to the address that has it', async () => {
    const page = await built.openBare(host.address);
    await page.getByRole('alert').filter({ hasText: 'Open the address that `npm start` printed' }).waitFor();
    await page.context().close();
  });

  it('says so when the host ends', async () => {
    const own = await startHost(built.folder);
    const page = await built.openBare(`${own.address}?token=good`);
    await page.getByText('Start pushes').waitFor();
    await own.close();
    await page.getByRole('alert').filter({ hasText: 'does not answer; trying again' }).waitFor();
    await page.locator('.top-bar .next-step').click();
    await page.getByRole('alert').filter({ hasText: 'Look at the terminal' }).first().waitFor();
    await page.context().close();
  });

  it('tells who opens the file by itself how to start, and runs from it with a preload’s bridge', async () => {
    // Electron lets a file page load its own modules; Chromium needs to be told.
    const args = [...CHROMIUM_ARGS, '--allow-file-access-from-files'];
    const browser = await chromium.launch({ executablePath: CHROMIUM, args });
    const file = pathToFileURL(join(built.folder, 'index.html')).href;
    const alone = await browser.newPage();
    await alone.goto(file);
    await alone.getByText('This page was opened without its services.').waitFor();
    const preloaded = await browser.newPage();
    await preloaded.addInitScript({ content: built.fakeScript });
    await preloaded.goto(file);
    await preloaded.locator('.top-bar .next-step', { hasText: 'Start' }).waitFor();
    await browser.close();
  });
});
