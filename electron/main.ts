import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { app, dialog, type BrowserWindow } from 'electron';
import { parseJsonWith } from '../core/parse.ts';
import { describeFailure, fail, type Result } from '../core/result.ts';
import { setAppMenu } from './app/app-menu.ts';
import { denyPermissions, distFiles, openAppWindow } from './app/app-window.ts';
import { serveWindow } from './app/window-ipc.ts';
import { startDesktopService } from './desktop/desktop-service.ts';
import { desktopOptionsSchema, type DesktopOptions } from './desktop/options.ts';

/** Settings come from the command that starts Electron, as JSON in the environment. */
const OPTIONS_VARIABLE = 'BUNGEE_DESKTOP_OPTIONS';

function readOptions(): Result<DesktopOptions> {
  const text = process.env[OPTIONS_VARIABLE];
  if (text === undefined)
    return fail(
      'no-options',
      'This window is opened by a command.',
      'Run `npm start` in the project folder.',
    );
  return parseJsonWith(desktopOptionsSchema, text, OPTIONS_VARIABLE);
}

function giveUp(message: string): void {
  process.stderr.write(`bungee: ${message}\n`);
  // A dialog would wait for ever where nobody sees it.
  if (process.env['BUNGEE_QUIET'] !== '1') dialog.showErrorBox('Bungee cannot start', message);
  app.exit(1);
}

async function start(): Promise<void> {
  const options = readOptions();
  if (!options.ok) return giveUp(describeFailure(options.failure));
  // Window state, caches and the single-instance lock belong to the state folder, not to the user's profile.
  app.setPath('userData', join(options.value.stateDir, 'electron'));
  if (!app.requestSingleInstanceLock()) {
    process.stderr.write('bungee: a window is open already; it comes to the front.\n');
    return app.exit(0);
  }
  await app.whenReady();
  denyPermissions();
  setAppMenu();
  const service = await startDesktopService(options.value);
  if (!service.ok) return giveUp(describeFailure(service.failure));
  const { pageFile, preloadFile } = distFiles(__dirname);
  const stateFile = join(options.value.stateDir, 'window.json');
  let window: BrowserWindow | null = null;
  const open = (): void => {
    window = openAppWindow({ pageFile, preloadFile, stateFile });
    window.on('closed', () => {
      window = null;
    });
  };
  serveWindow(service.value, () => window, pathToFileURL(pageFile).href);
  app.on('second-instance', () => {
    if (window === null) return open();
    if (window.isMinimized()) window.restore();
    window.focus();
  });
  app.on('activate', () => {
    if (window === null) open();
  });
  app.on('window-all-closed', () => app.quit());
  let isClosed = false;
  app.on('will-quit', (event) => {
    if (isClosed) return;
    event.preventDefault();
    // The run's last events and records have to reach the disk.
    void service.value.close().finally(() => {
      isClosed = true;
      app.exit(0);
    });
  });
  process.on('SIGTERM', () => app.quit());
  process.on('SIGINT', () => app.quit());
  open();
}

void start();
