/** Writable for adb's user on every Android; all that Bungee puts on a phone is below `<this>/bungee`. */
export const PHONE_TMP = '/data/local/tmp';

export const FREE_SPACE_COMMAND = `df -k ${PHONE_TMP}`;

/**
 * Free bytes out of `df -k`: the column "Available" (toybox: `Filesystem 1K-blocks Used Available Use% Mounted
 * on`); a long device name wraps the line. null when it can't be read.
 */
export function parseFreeBytes(stdout: string): number | null {
  const rest = stdout.split('\n').slice(1).join(' ').trim().split(/\s+/);
  const percentAt = rest.findIndex((word) => /^\d+%$/.test(word));
  const available = Number(rest[percentAt - 1]);
  return percentAt < 1 || !Number.isFinite(available) ? null : available * 1024;
}
