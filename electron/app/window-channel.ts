/**
 * The only IPC between the window and the main process. Main and preload share this file; both sides'
 * payloads are those of core/desktop-contract.ts.
 */

/** `invoke(CALL_CHANNEL, command, request)` -> Result of the command. */
export const CALL_CHANNEL = 'bungee:call';
/** `send(SUBSCRIBE_CHANNEL)`: from now on updates come; the first carries the whole state. */
export const SUBSCRIBE_CHANNEL = 'bungee:subscribe';
/** Main -> window: a DesktopUpdate. */
export const UPDATE_CHANNEL = 'bungee:update';
