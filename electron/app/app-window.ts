import { join } from 'node:path';
import { BrowserWindow, screen, session } from 'electron';
import { readWindowState, writeWindowState } from './window-state.ts';

export interface AppWindowOptions {
  readonly pageFile: string;
  readonly preloadFile: string;
  readonly stateFile: string;
}

/** Electron's security checklist for the only window: sandboxed, isolated, no permissions, no way out. */
export function openAppWindow({ pageFile, preloadFile, stateFile }: AppWindowOptions): BrowserWindow {
  const state = readWindowState(
    stateFile,
    screen.getAllDisplays().map((display) => display.workArea),
  );
  const { maximized, ...bounds } = state;
  const window = new BrowserWindow({
    ...bounds,
    minWidth: 960,
    minHeight: 600,
    show: false,
    title: 'Bungee',
    backgroundColor: '#16181d',
    webPreferences: {
      preload: preloadFile,
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      webSecurity: true,
      webviewTag: false,
      spellcheck: false,
    },
  });
  if (maximized) window.maximize();
  window.once('ready-to-show', () => window.show());
  window.on('close', () => writeWindowState(stateFile, window.getNormalBounds(), window.isMaximized()));
  window.webContents.setWindowOpenHandler(() => ({ action: 'deny' }));
  window.webContents.on('will-navigate', (event) => event.preventDefault());
  window.webContents.on('will-attach-webview', (event) => event.preventDefault());
  void window.loadFile(pageFile);
  return window;
}

/** Denies every permission, to whoever asks, in whichever way. */
export function denyPermissions(): void {
  session.defaultSession.setPermissionRequestHandler((_contents, _permission, answer) => answer(false));
  session.defaultSession.setPermissionCheckHandler(() => false);
}

/** Files beside the bundled main process: `dist/electron/main.cjs`, `dist/renderer/index.html`. */
export function distFiles(mainFolder: string): { pageFile: string; preloadFile: string } {
  return {
    pageFile: join(mainFolder, '..', 'renderer', 'index.html'),
    preloadFile: join(mainFolder, 'preload.cjs'),
  };
}
