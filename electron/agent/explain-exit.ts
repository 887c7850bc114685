/** Words that mark the line of a log that says why a program ended. */
const TELLING =
  /\b(error|failed|cannot|can't|could not|refused|denied|out of memory|no space|killed|abort|corrupt|invalid|not found|not executable|missing)\b/i;
/** Lines of a stack trace, and the frame around one. */
const NOISE = /^\s*(at |node:internal|Node\.js v|\^|throw |\}|\])|^\s*$/;

/** One line that says why the agent ended, out of the last lines of its log. */
export function explainExit(logLines: readonly string[]): string {
  const lines = logLines.filter((line) => !NOISE.test(line));
  const telling = [...lines].reverse().find((line) => TELLING.test(line));
  if (telling !== undefined) return `its log says: ${shorten(telling)}`;
  const last = lines.at(-1);
  const killed = 'it was killed (Android does that when memory is short)';
  return last === undefined
    ? `${killed}; its log is empty`
    : `${killed}; last line of its log: ${shorten(last)}`;
}

function shorten(line: string): string {
  const text = line.trim();
  return text.length > 240 ? `${text.slice(0, 240)}…` : text;
}
