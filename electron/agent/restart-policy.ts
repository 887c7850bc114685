/** Restarts in a row before the session fails: more often than this, a restart does not help. */
export const MAX_RESTARTS = 3;
export const RESTART_WINDOW_MS = 5 * 60_000;
const DELAYS_MS = [500, 2000, 8000];

/**
 * Delay before the next restart, ms; null = give up.
 *
 * @param crashesAtMs times of earlier restarts in this session, ascending.
 */
export function restartDelayMs(crashesAtMs: readonly number[], nowMs: number): number | null {
  const recent = crashesAtMs.filter((at) => nowMs - at < RESTART_WINDOW_MS).length;
  return recent >= MAX_RESTARTS ? null : (DELAYS_MS[recent] ?? null);
}
