import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { desktopOptionsSchema } from '../../electron/desktop/options.ts';
import { startVirtualPhone, type VirtualPhone } from '../../virtual-phone/index.ts';
import { unwrap } from '../../core/result.ts';
import { Display } from './display.ts';
import { IS_CI, PROJECT, tinyBundle, Workplace } from './project.ts';

const folder = process.env['ELECTRON_OVERRIDE_DIST_PATH'];
const executable =
  folder === undefined ? null : join(folder, process.platform === 'win32' ? 'electron.exe' : 'electron');
const isThere = executable !== null && existsSync(executable);
if (!isThere) console.warn('\n!!! No Electron (ELECTRON_OVERRIDE_DIST_PATH): its wiring tests do not run.\n');

/** Main, preload and the sandboxed page in a real Electron, with a real (virtual) phone behind them. */
describe.skipIf(!isThere && !IS_CI)('the window in Electron', () => {
  let place: Workplace;
  let display: Display | null;
  let phone: VirtualPhone;
  let app: ElectronApplication;
  let page: Page;

  beforeAll(async () => {
    place = await Workplace.open({ withAdb: false });
    display = await Display.open();
    if (display === null || executable === null) throw new Error('Electron needs Xvfb and an executable');
    const bundle = await tinyBundle(join(place.dir, 'bundle'));
    phone = unwrap(await startVirtualPhone({ stateDir: join(place.dir, 'phone'), adbdPort: null }));
    const options = desktopOptionsSchema.parse({
      adb: { port: phone.adbServerPort ?? 0, embedded: true },
      stateDir: join(place.dir, 'state'),
      bundleDirs: [{ path: bundle }],
      agentDir: join(PROJECT, 'dist', 'agent'),
      onnxruntimeDir: join(PROJECT, 'node_modules', 'onnxruntime-node'),
      packsDir: join(place.dir, 'packs'),
      version: '0.0.0-test',
      host: 'electron',
      thermal: false,
    });
    app = await _electron.launch({
      executablePath: executable,
      args: [PROJECT],
      env: {
        ...(place.environment as Record<string, string>),
        PATH: process.env['PATH'] ?? '',
        DISPLAY: display.name,
        BUNGEE_DESKTOP_OPTIONS: JSON.stringify(options),
        BUNGEE_QUIET: '1',
      },
    });
    page = await app.firstWindow();
  }, 90_000);

  afterAll(async () => {
    await app?.close();
    await phone?.stop();
    display?.close();
    await place?.close();
  });

  it('gives the page the bridge and nothing of Node or Electron', async () => {
    await page.waitForFunction('window.bungee !== undefined');
    expect(await page.evaluate('window.bungee.host')).toBe('electron');
    for (const name of ['process', 'require', 'module', 'Buffer', 'global'])
      expect(await page.evaluate(`typeof ${name}`), name).toBe('undefined');
    const isIsolated = await app.evaluate(({ BrowserWindow }) => {
      const [window] = BrowserWindow.getAllWindows();
      const contents = window?.webContents as unknown as { getLastWebPreferences(): Record<string, unknown> };
      const { contextIsolation, sandbox, nodeIntegration } = contents.getLastWebPreferences();
      return { contextIsolation, sandbox, nodeIntegration: nodeIntegration ?? false };
    });
    expect(isIsolated).toEqual({ contextIsolation: true, sandbox: true, nodeIntegration: false });
  });

  it('answers commands with results, and refuses what the schema does not know', async () => {
    const unknown = await page.evaluate(`window.bungee.call('level.pin', { level: 55 })`);
    expect(unknown).toMatchObject({ ok: false, failure: { code: 'invalid-input' } });
    const none = await page.evaluate(`window.bungee.call('rm -rf', {})`);
    expect(none).toMatchObject({ ok: false });
  });

  it('takes phone and bundle to running requests with one button', { timeout: 90_000 }, async () => {
    const start = page.getByRole('button', { name: 'Start', exact: true }).first();
    await start.waitFor({ timeout: 30_000 });
    await start.click();
    await page.getByRole('button', { name: 'Stop', exact: true }).first().waitFor({ timeout: 60_000 });
    await page.waitForFunction(`document.querySelectorAll('canvas').length >= 3`);
    await page
      .getByText(/\bhit\b|\bmiss\b/)
      .first()
      .waitFor({ timeout: 30_000 });
    await page
      .getByText(/virtual phone on this CPU/)
      .first()
      .waitFor();
    await page.getByRole('button', { name: 'Stop', exact: true }).first().click();
    await page.getByRole('button', { name: 'Run', exact: true }).first().waitFor({ timeout: 30_000 });
  });

  // Last: Playwright waits for the navigation that is refused.
  it('goes nowhere else and opens no windows', async () => {
    const before = page.url();
    await page.evaluate(`window.open('https://example.org')`);
    await page.evaluate(`location.href = 'https://example.org'`).catch(() => undefined);
    expect(app.windows()).toHaveLength(1);
    expect(page.url()).toBe(before);
  });
});
