import type { Command } from './command-list.ts';

/** What of a key press decides; a part of `KeyboardEvent`. */
export interface KeyPress {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
}

/** Where the focus is: text fields take every key, buttons and the like take Space. */
export type Focus = 'text' | 'control' | 'none';

export function keysOf(press: KeyPress): string {
  const key = press.key.length === 1 ? press.key.toLowerCase() : press.key;
  return press.ctrlKey || press.metaKey ? `ctrl+${key}` : key;
}

/** The command of a key press; null where the focused element, or no command, is meant. */
export function commandFor(press: KeyPress, focus: Focus, commands: readonly Command[]): Command | null {
  if (press.altKey) return null;
  const keys = keysOf(press);
  if (focus === 'text' && !keys.startsWith('ctrl+')) return null;
  if (focus === 'control' && keys === ' ') return null;
  return commands.find((command) => command.keys === keys) ?? null;
}

/** A key as people write it. */
export function keyName(keys: string): string {
  const names: Readonly<Record<string, string>> = { ' ': 'Space', Escape: 'Esc', 'ctrl+k': 'Ctrl+K' };
  return names[keys] ?? keys.toUpperCase();
}
