import { adbStateSchema, type AdbState } from '../../core/device.ts';

/** The words of the adb server's device list as {@link AdbState}; new ones become `unknown`. */
export function parseAdbState(words: string): AdbState {
  if (words.startsWith('no permissions')) return 'no-permissions';
  if (words === 'host' || words === 'rescue') return 'recovery';
  const parsed = adbStateSchema.safeParse(words.trim());
  return parsed.success && parsed.data !== 'gone' ? parsed.data : 'unknown';
}
