import { create } from 'zustand';
import type { Failure, Result } from '../../core/result.ts';

export interface Notice {
  readonly id: number;
  readonly failure: Failure;
  /** What the user wanted, e.g. `Start`. */
  readonly action: string;
}

/** Failures of what the user did here, newest last; shown under the top bar until dismissed. */
export const useNotices = create<{ readonly notices: readonly Notice[] }>()(() => ({ notices: [] }));

const MAX_NOTICES = 4;
let nextId = 1;

export function notify(action: string, failure: Failure): void {
  useNotices.setState(({ notices }) => ({
    notices: [
      // The same failure again replaces itself: a held key must not fill the window.
      ...notices.filter((one) => one.action !== action || one.failure.message !== failure.message),
      { id: nextId++, failure, action },
    ].slice(-MAX_NOTICES),
  }));
}

export function dismiss(id: number): void {
  useNotices.setState(({ notices }) => ({ notices: notices.filter((one) => one.id !== id) }));
}

/** The same result, after its failure, if it is one, has been shown. */
export async function shown<T>(action: string, pending: Promise<Result<T>>): Promise<Result<T>> {
  const result = await pending;
  if (!result.ok) notify(action, result.failure);
  return result;
}
