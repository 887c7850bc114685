import { LEVELS } from '../../../core/level.ts';
import type { LatencyProfile } from '../../../core/latency-profile.ts';
import type { Situation } from '../../../offline/tlm/strategies/situation.ts';
import { madeProfile } from '../../core/support/made-profile.ts';

/** A device that follows the paper's cost law: TTFT = tokens x level, TPOT = level. */
export function lawfulProfile(): LatencyProfile {
  return madeProfile(
    (level, promptTokens) => ({ ttftMs: (promptTokens * level) / 100, tpotMs: level }),
    [10, 1000],
    { threads: 1 },
  );
}

/** 400 tokens of which 360 may go. */
export function situation(changes: Partial<Situation> = {}): Situation {
  return {
    levels: LEVELS,
    profile: lawfulProfile(),
    promptTokens: 400,
    compressibleTokens: 360,
    slo: { ttft: 0.6, tpot: 0.8 },
    tlmMs: 8,
    proposed: { promptLevel: 0.5, modelLevel: 60 },
    quality: null,
    ...changes,
  };
}
