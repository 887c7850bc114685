import { contextBridge, ipcRenderer } from 'electron';
import type { DesktopBridge, DesktopUpdate } from '../core/desktop-contract.ts';
import { CALL_CHANNEL, SUBSCRIBE_CHANNEL, UPDATE_CHANNEL } from './app/window-channel.ts';

/** All that the page gets of Electron: two functions, no channel names, no event objects. */
const bridge: DesktopBridge = {
  host: 'electron',
  call: (command, request) => ipcRenderer.invoke(CALL_CHANNEL, command, request),
  subscribe: (onUpdate) => {
    const listener = (_event: unknown, update: DesktopUpdate): void => onUpdate(update);
    ipcRenderer.on(UPDATE_CHANNEL, listener);
    ipcRenderer.send(SUBSCRIBE_CHANNEL);
    return () => ipcRenderer.removeListener(UPDATE_CHANNEL, listener);
  },
};

contextBridge.exposeInMainWorld('bungee', bridge);
