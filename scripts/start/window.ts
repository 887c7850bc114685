import { unwrap } from '../../core/result.ts';
import { say } from '../shared/command-line.ts';
import { setUpPhone } from '../shared/phone-setup.ts';
import { openBrowserWindow } from './browser-window.ts';
import { electronExecutable, openElectronWindow } from './electron-window.ts';
import type { StartFlags } from './start-flags.ts';

/** Opens the window, in Electron where it runs and there is a display, else in the browser; ends with it. */
export async function startWindow(flags: StartFlags, signal: AbortSignal): Promise<void> {
  const electron = flags.window === 'browser' ? null : electronExecutable();
  if (electron !== null && !electron.ok) {
    if (flags.window === 'electron') unwrap(electron);
    say(`window: ${electron.failure.message} Using the browser instead.`);
  }
  const executable = electron?.ok === true ? electron.value : null;
  const setup = unwrap(await setUpPhone(flags, executable === null ? 'web' : 'electron', signal));
  try {
    if (executable === null) await openBrowserWindow(setup, flags, signal);
    else await openElectronWindow(executable, setup, signal);
  } finally {
    await setup.virtualPhone?.stop();
  }
}
