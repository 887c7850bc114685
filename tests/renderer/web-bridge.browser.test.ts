import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DesktopUpdate } from '../../core/desktop-contract.ts';
import { fail, unwrap } from '../../core/result.ts';
import { startWebHost, type WebHostOptions } from '../../electron/web/web-host.ts';
import { browserMissing, buildPage, CHROMIUM, CHROMIUM_ARGS, type BuiltPage } from './fake/page.ts';
import { EMPTY_STATE, IDLE_STATE } from './fake/demo-state.ts';
import { wholeRequest } from './build-events.ts';

const missing = browserMissing();

type Service = WebHostOptions['service'];

interface Host {
  /** With its key. */
  readonly url: string;
  readonly calls: [string, unknown][];
  send(update: DesktopUpdate): void;
  close(): Promise<void>;
}

/** The product's own web host over a scripted service. */
async function startHost(pageDir: string): Promise<Host> {
  const windows = new Set<(update: DesktopUpdate) => boolean>();
  const calls: [string, unknown][] = [];
  const service: Service = {
    call: (command, request) => {
      calls.push([command, request]);
      return Promise.resolve(fail('phone-gone', 'Pixel 8 was unplugged.', 'Plug it in again.'));
    },
    subscribe: (deliver) => {
      windows.add(deliver);
      deliver({ state: IDLE_STATE, live: [], dropped: 0 });
      return { unsubscribe: () => windows.delete(deliver), ready: () => undefined };
    },
  };
  const host = unwrap(await startWebHost({ service, pageDir, port: 0 }));
  return {
    url: host.url,
    calls,
    send(update) {
      for (const deliver of windows) deliver(update);
    },
    close: () => host.close(),
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
    const page = await built.openBare(host.url);
    await page.getByText('Start pushes SmolLM2-135M-Instruct to Pixel 8').waitFor();
    host.send({ live: wholeRequest(0, 'web-1', 'gmail', true), dropped: 7 });
    await page.getByRole('button', { name: 'Details of request web-1' }).waitFor();
    await page.getByText('dropped 7').waitFor();
    host.send({ state: { ...EMPTY_STATE, devices: IDLE_STATE.devices }, live: [], dropped: 7 });
    await page.locator('.top-bar .next-step', { hasText: 'Add a bundle' }).waitFor();
    host.send({ state: IDLE_STATE, live: [], dropped: 7 });
    await page.locator('.top-bar .next-step', { hasText: 'Start' }).click();
    await page.getByRole('alert').filter({ hasText: 'Pixel 8 was unplugged. Plug it in again.' }).waitFor();
    expect(host.calls).toEqual([['session.start', { serial: 'virtual-1', bundleId: 'smollm2-int8' }]]);
    await page.context().close();
  });

  it('drops an update that is not as the contract has it, and goes on', async () => {
    const page = await built.openBare(host.url);
    await page.getByText('Start pushes').waitFor();
    const complaint = page.waitForEvent('console', (message) => message.text().includes('is invalid: live'));
    host.send({ live: 'no list', dropped: 0 } as unknown as DesktopUpdate);
    await complaint;
    host.send({ live: wholeRequest(0, 'after', 'gmail', true), dropped: 0 });
    await page.getByRole('button', { name: 'Details of request after' }).waitFor();
    await page.context().close();
  });

  it('sends a page whose key has gone to the address that has it', async () => {
    const page = await built.openBare(host.url);
    await page.getByText('Start pushes').waitFor();
    await page.context().clearCookies();
    await page.locator('.top-bar .next-step').click();
    await page
      .getByRole('alert')
      .filter({ hasText: 'Open the address that `npm start` printed' })
      .first()
      .waitFor();
    await page.context().close();
  });

  it('says so when the host ends', async () => {
    const own = await startHost(built.folder);
    const page = await built.openBare(own.url);
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
