import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { LatencyProfile } from '../../../core/latency-profile.ts';
import { profilePath } from '../../../device-agent/profiler/profile-store.ts';
import { madeProfile } from '../../core/support/made-profile.ts';

export interface Pace {
  /** Prefill of one token at the full level. */
  readonly tokenMs: number;
  /** TPOT of the full level. */
  readonly tpotMs: number;
}

/** A device whose latencies grow in proportion with tokens and level. */
export function linearProfile(bundleId: string, { tokenMs, tpotMs }: Pace): LatencyProfile {
  return madeProfile(
    (level, promptTokens) => ({
      ttftMs: (tokenMs * promptTokens * level) / 100,
      tpotMs: (tpotMs * level) / 100,
    }),
    [100, 400],
    { bundleId, threads: 1 },
  );
}

/** Puts a profile where an agent of this home finds it. */
export function storeProfile(home: string, profile: LatencyProfile): void {
  const path = profilePath(home, profile.bundleId, profile.threads);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(profile));
}
