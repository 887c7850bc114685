import { spawn } from 'node:child_process';

/** The program that opens an address on this system, and its arguments. */
export function browserCommand(url: string, platform: NodeJS.Platform): readonly [string, readonly string[]] {
  if (platform === 'darwin') return ['open', [url]];
  // `start` is a word of cmd.exe; rundll32 takes the address without a shell in between.
  if (platform === 'win32') return ['rundll32', ['url.dll,FileProtocolHandler', url]];
  return ['xdg-open', [url]];
}

/** Opens the user's browser; false when there is none (the caller prints the address). */
export function openBrowser(url: string): Promise<boolean> {
  const [command, args] = browserCommand(url, process.platform);
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'ignore', detached: true });
    child.once('error', () => resolve(false));
    child.once('spawn', () => {
      child.unref();
      resolve(true);
    });
  });
}
