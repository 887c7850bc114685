import type { PhoneFlags } from '../shared/phone-setup.ts';
import type { TraceFlags } from '../shared/trace-flags.ts';

export interface StartFlags extends PhoneFlags, TraceFlags {
  readonly headless?: boolean;
  readonly json?: boolean;
  readonly window: 'auto' | 'electron' | 'browser';
  readonly open: boolean;
}
