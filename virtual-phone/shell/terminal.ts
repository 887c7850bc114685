import type { Interpreter, Run } from './interpreter.ts';
import { parseScript } from './parser.ts';
import { ExitShell, ShellError } from './shell-state.ts';
import { ShellSyntaxError } from './syntax.ts';
import { BrokenPipeError, type ByteSink } from './byte-streams.ts';
import { PhoneFileError } from '../files/errno.ts';

const KEY = { INTERRUPT: '\u0003', END: '\u0004', BACKSPACE: '\u007f', ERASE: '\b' } as const;

/** Turns newlines into CR LF, as a terminal's line discipline does. */
function terminalSink(sink: ByteSink): ByteSink {
  return {
    write: (bytes) =>
      sink.write(Buffer.from(Buffer.from(bytes).toString('latin1').replaceAll('\n', '\r\n'), 'latin1')),
  };
}

/**
 * An interactive shell: prompt, echo and line editing by backspace, as the host's terminal is raw then. Ctrl-C drops
 * the line, Ctrl-D on an empty line ends the shell.
 */
export async function runTerminal(interpreter: Interpreter, base: Run): Promise<number> {
  const output = terminalSink(base.streams.stdout);
  const run: Run = { ...base, streams: { stdin: base.streams.stdin, stdout: output, stderr: output } };
  const print = (text: string): Promise<void> => output.write(Buffer.from(text));
  let pending = '';
  let line = '';
  const prompt = (): Promise<void> => print(pending === '' ? `virtual:${run.state.cwd} $ ` : '> ');
  await prompt();
  for (
    let chunk = await run.streams.stdin.read(run.signal);
    chunk !== undefined;
    chunk = await run.streams.stdin.read(run.signal)
  ) {
    const text = Buffer.from(chunk).toString('utf8');
    for (let at = 0; at < text.length; at += 1) {
      const char = text[at] ?? '';
      if (char === KEY.END && line === '' && pending === '') return run.state.lastStatus;
      if (char === KEY.INTERRUPT) {
        line = '';
        pending = '';
        await print('^C\n');
        await prompt();
      } else if (char === KEY.BACKSPACE || char === KEY.ERASE) {
        if (line !== '') await print('\b \b');
        line = line.slice(0, -1);
      } else if (char === '\r' || char === '\n') {
        await print('\n');
        run.streams.stdin.unread(Buffer.from(text.slice(at + 1)));
        const ended = await runLine(interpreter, `${pending}${line}`, run);
        if (typeof ended === 'number') return ended;
        pending = ended === 'incomplete' ? `${pending}${line}\n` : '';
        line = '';
        await prompt();
        break;
      } else if (char >= ' ') {
        line += char;
        await print(char);
      }
    }
  }
  return 129;
}

/** @returns the status with which the shell ends, or whether more lines are needed. */
async function runLine(
  interpreter: Interpreter,
  source: string,
  run: Run,
): Promise<number | 'done' | 'incomplete'> {
  try {
    await interpreter.runScript(parseScript(source), run);
  } catch (error) {
    if (error instanceof ExitShell) return error.status;
    if (error instanceof BrokenPipeError) return 141;
    if (error instanceof ShellSyntaxError && error.incomplete) return 'incomplete';
    if (!(
      error instanceof ShellSyntaxError ||
      error instanceof ShellError ||
      error instanceof PhoneFileError
    ))
      throw error;
    await run.streams.stderr.write(Buffer.from(`${run.state.name}: ${error.message}\n`));
  }
  return 'done';
}
