import type { BrowserWindow, IpcMainEvent, IpcMainInvokeEvent } from 'electron';

/** Whether an IPC message comes from the top frame of our own page in our own window, and nowhere else. */
export function isTrusted(
  event: IpcMainEvent | IpcMainInvokeEvent,
  window: BrowserWindow | null,
  pageUrl: string,
): boolean {
  if (window === null || window.isDestroyed() || event.sender !== window.webContents) return false;
  const frame = event.senderFrame;
  if (frame === null || frame !== event.sender.mainFrame) return false;
  return frame.url.split(/[?#]/)[0] === pageUrl;
}
