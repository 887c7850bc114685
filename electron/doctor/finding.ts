import type { DoctorCheck } from '../../core/desktop-state.ts';
import type { Result } from '../../core/result.ts';

/** What a check found; `remedy` is left out where nothing has to be done. */
export type Finding = Pick<DoctorCheck, 'status' | 'text'> & { readonly remedy?: string | undefined };

export function checkOf(id: string, title: string, { status, text, remedy }: Finding): DoctorCheck {
  return { id, title, status, text, remedy: remedy ?? null };
}

/** A failed result as a finding; its value is of no interest. */
export function failedFinding(result: Result<unknown>): Finding {
  return result.ok
    ? { status: 'ok', text: '' }
    : { status: 'failed', text: result.failure.message, remedy: result.failure.remedy };
}

/** For what a phone does not let adb read: nothing depends on it. */
export const NOT_TOLD: Finding = { status: 'skipped', text: 'the phone does not tell' };
