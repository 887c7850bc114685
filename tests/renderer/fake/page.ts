import { createServer, type Server } from 'node:http';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { build as bundle } from 'esbuild';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { build } from 'vite';

export const CHROMIUM = '/usr/bin/chromium';
export const CHROMIUM_ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
};

/** Why browser tests cannot run here; null when they can. Where CI=true that is no excuse. */
export function browserMissing(): string | null {
  if (existsSync(CHROMIUM) || process.env['CI'] === 'true') return null;
  const reason = `${CHROMIUM} is missing: browser tests are SKIPPED (apt install chromium)`;
  console.warn(reason);
  return reason;
}

export interface BuiltPage {
  /** Folder of the built page. */
  readonly folder: string;
  readonly address: string;
  open(scenario: string, options?: BrowserContextOptions): Promise<Page>;
  /** Opens any address without a bridge; what it logs is the test's business. */
  openBare(address: string): Promise<Page>;
  /** Puts the scripted bridge into a page. */
  readonly fakeScript: string;
  /** Errors that any page of the fixture logged or threw. */
  readonly problems: string[];
  close(): Promise<void>;
}

async function serve(folder: string): Promise<Server> {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://page').pathname);
    const file = join(folder, path === '/' ? 'index.html' : path);
    const type = TYPES[extname(file)];
    if (type === undefined || !existsSync(file)) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': type }).end(readFileSync(file));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** Builds the window as the product does, serves it, and opens it in Chromium with the scripted bridge. */
export async function buildPage(): Promise<BuiltPage> {
  const folder = mkdtempSync(join(tmpdir(), 'bungee-page-'));
  await build({
    configFile: 'vite.config.ts',
    logLevel: 'error',
    build: { outDir: folder, emptyOutDir: true },
  });
  const script = await bundle({
    entryPoints: ['tests/renderer/fake/fake-bridge.ts'],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'chrome108',
  });
  const fake = script.outputFiles[0]?.text ?? '';
  const server = await serve(folder);
  const browser: Browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGS });
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const problems: string[] = [];
  return {
    folder,
    address,
    problems,
    fakeScript: fake,
    async openBare(bareAddress) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
      const page = await context.newPage();
      await page.goto(bareAddress);
      return page;
    },
    async open(scenario, options = {}) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
      const page = await context.newPage();
      page.on('pageerror', (error) => problems.push(String(error)));
      page.on('console', (message) => {
        if (message.type() === 'error') problems.push(message.text());
      });
      await page.addInitScript({ content: `window.fakeScenario = ${JSON.stringify(scenario)};` });
      await page.addInitScript({ content: fake });
      await page.goto(address);
      return page;
    },
    async close() {
      await browser.close();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The window with a run of 75 requests in its table. */
export async function openRunning(built: BuiltPage): Promise<Page> {
  const page = await built.open('running');
  await page.locator('.table-row').first().waitFor();
  return page;
}

/** What the window last asked of its bridge. */
export async function lastCall(page: Page): Promise<unknown> {
  return page.evaluate(() => window.fake.calls.at(-1));
}
