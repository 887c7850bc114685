import { useView } from '../state/view-store.ts';
import { COMMANDS } from './command-list.ts';
import { commandFor, type Focus } from './key-press.ts';

function focusOf(target: EventTarget | null): Focus {
  if (!(target instanceof HTMLElement)) return 'none';
  if (target.matches('input, textarea, select, [contenteditable]')) return 'text';
  return target.matches('button, a, summary, [role=slider], [role=tab]') ? 'control' : 'none';
}

/** Keys of the window; while a dialog is open, they are the dialog's. @returns stop. */
export function startKeyboard(): () => void {
  const onKey = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || useView.getState().dialog !== null) return;
    if (event.key === 'Escape' && event.target instanceof HTMLInputElement) {
      event.target.blur();
      return;
    }
    const command = commandFor(event, focusOf(event.target), COMMANDS);
    if (command === null) return;
    event.preventDefault();
    command.run();
  };
  window.addEventListener('keydown', onKey);
  return () => window.removeEventListener('keydown', onKey);
}
