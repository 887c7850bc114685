import { ipcMain, type BrowserWindow } from 'electron';
import type { CommandName } from '../../core/desktop-contract.ts';
import { fail } from '../../core/result.ts';
import type { DesktopService } from '../desktop/desktop-service.ts';
import type { Subscription } from '../desktop/update-hub.ts';
import { isTrusted } from './trusted-window.ts';
import { CALL_CHANNEL, SUBSCRIBE_CHANNEL, UPDATE_CHANNEL } from './window-channel.ts';

/** Serves the command map and the updates to our window; every message's sender is checked here. */
export function serveWindow(
  service: DesktopService,
  window: () => BrowserWindow | null,
  pageUrl: string,
): { unsubscribe(): void } {
  let subscription: Subscription | null = null;
  ipcMain.handle(CALL_CHANNEL, (event, command: unknown, request: unknown) =>
    isTrusted(event, window(), pageUrl)
      ? // The service parses both: names it does not know and bad requests come back as failures.
        service.call(command as CommandName, request)
      : fail('untrusted-sender', 'This page may not use Bungee.'),
  );
  ipcMain.on(SUBSCRIBE_CHANNEL, (event) => {
    if (!isTrusted(event, window(), pageUrl)) return;
    subscription?.unsubscribe();
    const { sender } = event;
    subscription = service.subscribe((update) => {
      if (!sender.isDestroyed()) sender.send(UPDATE_CHANNEL, update);
      return true;
    });
  });
  return { unsubscribe: () => subscription?.unsubscribe() };
}
