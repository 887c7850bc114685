import type { DesktopBridge } from '../core/desktop-contract.ts';
import { createWebBridge, type Connection } from './web-bridge.ts';

declare global {
  interface Window {
    /** Given by the Electron preload. */
    readonly bungee?: DesktopBridge;
  }
}

/**
 * The way to the services: the preload's bridge, else the local web host that served this page.
 *
 * @param onConnection told whether the web host answers; Electron's bridge is always there.
 * @returns null when the page was opened as a file, with no services behind it.
 */
export function findBridge(onConnection: (connection: Connection) => void): DesktopBridge | null {
  if (window.bungee !== undefined) return window.bungee;
  return window.location.protocol.startsWith('http') ? createWebBridge({ onConnection }) : null;
}
