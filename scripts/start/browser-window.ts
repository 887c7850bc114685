import { unwrap } from '../../core/result.ts';
import { openBrowser } from '../../electron/web/open-browser.ts';
import { startWebHost } from '../../electron/web/web-host.ts';
import { say } from '../shared/command-line.ts';
import { openDesktop, type PhoneSetup } from '../shared/desktop-session.ts';
import { distFolder } from '../shared/folders.ts';

/** The same window in a browser, served on 127.0.0.1 behind a token; ends with an interrupt. */
export async function openBrowserWindow(
  setup: PhoneSetup,
  flags: { readonly open: boolean },
  signal: AbortSignal,
): Promise<void> {
  const service = unwrap(await openDesktop(setup));
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
