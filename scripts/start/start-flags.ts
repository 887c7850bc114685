import type { PhoneFlags } from '../shared/desktop-session.ts';
import type { TraceFlags } from '../shared/trace-flags.ts';

export interface StartFlags extends PhoneFlags, TraceFlags {
  readonly headless?: boolean;
  readonly json?: boolean;
  readonly duration: number;
  readonly window: 'auto' | 'electron' | 'browser';
  readonly open: boolean;
}
