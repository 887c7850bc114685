/** Words that mark the line of a log that says why a program ended. */
const TELLING =
  /\b(error|failed|cannot|can't|could not|refused|denied|out of memory|no space|killed|abort|corrupt|invalid|not found|not executable|missing)\b/i;
/** Lines of a stack trace, and the frame around one. */
const NOISE = /^\s*(at |node:internal|Node\.js v|\^|throw |\}|\])|^\s*$/;
/** A line of `logcat` in its default form: after date, time, the writer's pid and tid, and the priority. */
const SYSTEM_LINE = /^\S+ \S+ +\d+ +\d+ [VDIWEF] (.*)$/;
/** How Android's memory killer, its process manager, the C library and the virtual phone tell of an end. */
const ENDING = /\b(kill|killing|killed|died|fatal signal|ended)\b/i;

export interface ExitReason {
  /** In the middle of a sentence. */
  readonly words: string;
  /** Nothing of its own making ended it, as far as is known: the same start may go well. */
  readonly wasKilled: boolean;
}

/**
 * Why the agent ended.
 *
 * @param logLines the last lines of its log.
 * @param systemLine what the phone's log says of its end, null when it says nothing.
 */
export function explainExit(logLines: readonly string[], systemLine: string | null): ExitReason {
  const lines = logLines.filter((line) => !NOISE.test(line));
  const telling = [...lines].reverse().find((line) => TELLING.test(line));
  if (telling !== undefined) return { words: `its log says: ${shorten(telling)}`, wasKilled: false };
  const last = lines.at(-1);
  const cause =
    systemLine === null
      ? 'it was killed (Android does that when memory is short)'
      : `the phone's log says: ${shorten(systemLine)}`;
  const log = last === undefined ? 'its log is empty' : `last line of its log: ${shorten(last)}`;
  return { words: `${cause}; ${log}`, wasKilled: true };
}

/** The last line of the phone's log, without its head, that tells of the end of `pid`; null when none does. */
export function findEnding(logcat: string, pid: number): string | null {
  const names = new RegExp(`\\b${pid}\\b`);
  const told = logcat.split('\n').flatMap((line) => {
    const text = SYSTEM_LINE.exec(line)?.[1] ?? '';
    return names.test(text) && ENDING.test(text) ? [text.replace(/ +: /, ': ')] : [];
  });
  return told.at(-1) ?? null;
}

function shorten(line: string): string {
  const text = line.trim();
  return text.length > 240 ? `${text.slice(0, 240)}…` : text;
}
