import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IS_CI, tinyBundle, Workplace } from './project.ts';

const CHROMIUM = '/usr/bin/chromium';
const isThere = existsSync(CHROMIUM);
if (!isThere) console.warn('\n!!! No Chromium: the browser window is not tested.\n');

const CHROMIUM_ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

describe.skipIf(!isThere && !IS_CI)('npm start without Electron or display', () => {
  let place: Workplace;
  let browser: Browser;
  let url = '';
  beforeAll(async () => {
    place = await Workplace.open({ withAdb: false });
    const bundle = await tinyBundle(join(place.dir, 'bundle'));
    const child = place.spawn('start', ['--window', 'browser', '--no-open', '--bundle', bundle]);
    const line = await place.lineOf(child, 'stderr', /^window: http/);
    url = /http\S+/.exec(line)?.[0] ?? '';
    browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGS });
  }, 90_000);
  afterAll(async () => {
    await browser?.close();
    await place.close();
  });

  it('refuses a visitor without the token', async () => {
    const { origin } = new URL(url);
    expect((await fetch(origin)).status).toBe(401);
    expect((await fetch(`${origin}/api/state`, { method: 'POST', body: '{}' })).status).toBe(401);
  });

  it('serves the same window: Start brings requests into the table', { timeout: 90_000 }, async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(error.message));
    await page.goto(url);
    await page.getByRole('button', { name: 'Start', exact: true }).first().click({ timeout: 30_000 });
    await page
      .getByText(/\bhit\b|\bmiss\b/)
      .first()
      .waitFor({ timeout: 60_000 });
    await page
      .getByText(/virtual phone on this CPU/)
      .first()
      .waitFor();
    expect(page.url()).not.toContain('token');
    expect(errors).toEqual([]);
  });
});
