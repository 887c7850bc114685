import { app, Menu, shell, type MenuItemConstructorOptions } from 'electron';

/** Addresses that the menu opens in the user's browser; nothing else is ever opened. */
const HELP_URL = 'https://onnxruntime.ai/docs/';

/** The standard menu with its accelerators; the page has its own keys and palette for everything else. */
export function setAppMenu(): void {
  const isMac = process.platform === 'darwin';
  const template: MenuItemConstructorOptions[] = [
    ...(isMac ? [{ role: 'appMenu' as const }] : []),
    { label: '&File', submenu: [isMac ? { role: 'close' } : { role: 'quit', accelerator: 'Ctrl+Q' }] },
    { role: 'editMenu' },
    {
      label: '&View',
      submenu: [
        { role: 'reload', accelerator: 'CmdOrCtrl+Shift+R' },
        { role: 'toggleDevTools' },
        { type: 'separator' },
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { type: 'separator' },
        { role: 'togglefullscreen' },
      ],
    },
    { role: 'windowMenu' },
    {
      role: 'help',
      submenu: [
        { label: `${app.name} ${app.getVersion()}`, enabled: false },
        { label: 'ONNX Runtime documentation', click: () => void shell.openExternal(HELP_URL) },
      ],
    },
  ];
  Menu.setApplicationMenu(Menu.buildFromTemplate(template));
}
