import { unwrap } from '../../core/result.ts';
import { startDesktopService } from '../../electron/desktop/desktop-service.ts';
import { openBrowser } from '../../electron/web/open-browser.ts';
import { startWebHost } from '../../electron/web/web-host.ts';
import { say } from '../shared/command-line.ts';
import type { PhoneSetup } from '../shared/phone-setup.ts';
import { distFolder } from '../shared/folders.ts';

/** The same window in a browser, served on 127.0.0.1 behind a token; ends with an interrupt. */
export async function openBrowserWindow(
  setup: PhoneSetup,
  flags: { readonly open: boolean },
  signal: AbortSignal,
): Promise<void> {
  const service = unwrap(await startDesktopService(setup.options));
  try {
    const host = unwrap(await startWebHost({ service, pageDir: distFolder('renderer'), port: 0 }));
    const opened = flags.open && (await openBrowser(host.url));
    say(
      `window: ${host.url}${opened ? ' (opened in the browser)' : ' (open it in a browser)'}; Ctrl+C ends.`,
    );
    await new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }));
    await host.close();
  } finally {
    await service.close();
  }
}
