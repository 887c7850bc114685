import type { PhoneDevice } from '../device.ts';
import { PhoneFileError } from '../files/errno.ts';
import { fileSink, fileSource, NULL_SINK, textSource, type ByteSink } from './byte-streams.ts';
import { expandText, type Expander } from './expand.ts';
import { ShellError, type Streams } from './shell-state.ts';
import type { Redirect } from './syntax.ts';

export interface Redirected {
  readonly streams: Streams;
  readonly close: () => Promise<void>;
}

/** Opens the files of a command's redirects, in order. @throws ShellError in mksh's words when one cannot be opened. */
export async function applyRedirects(
  redirects: readonly Redirect[],
  streams: Streams,
  device: PhoneDevice,
  expander: Expander,
): Promise<Redirected> {
  const opened: { close: () => Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    for (const file of opened) await file.close();
  };
  const openSink = (path: string, append: boolean): ByteSink => {
    if (device.files.resolve(path, true, expander.state.cwd) === '/dev/null') return NULL_SINK;
    const absolute = path.startsWith('/') ? path : `${expander.state.cwd}/${path}`;
    const writer = device.files.openWrite(absolute, append ? 'a' : 'w');
    opened.push(writer);
    return fileSink(writer);
  };
  let { stdin, stdout, stderr } = streams;
  for (const redirect of redirects) {
    const target = await expandText(redirect.target, expander);
    const reads = redirect.operator === '<';
    try {
      if (redirect.operator === '<<<') stdin = textSource(`${target}\n`);
      else if (reads) {
        const reader = device.files.openRead(
          target.startsWith('/') ? target : `${expander.state.cwd}/${target}`,
        );
        opened.push(reader);
        stdin = fileSource(reader);
      } else if (redirect.operator === '>&') {
        const source =
          target === '1' ? stdout : target === '2' ? stderr : target === '-' ? NULL_SINK : undefined;
        if (redirect.fd === 0) continue;
        if (source === undefined) throw new ShellError(`${target}: bad file descriptor`);
        if (redirect.fd === 2) stderr = source;
        else stdout = source;
      } else {
        const sink = openSink(target, redirect.operator === '>>');
        if (redirect.fd !== 2) stdout = sink;
        if (redirect.fd === 2 || redirect.fd === 'both') stderr = sink;
      }
    } catch (error) {
      await close();
      if (error instanceof PhoneFileError)
        throw new ShellError(`can't ${reads ? 'open' : 'create'} ${target}: ${error.text}`);
      throw error;
    }
  }
  return { streams: { stdin, stdout, stderr }, close };
}
