import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { LatencyProfile } from '../../../core/latency-profile.ts';
import { LEVELS } from '../../../core/level.ts';
import { summarize } from '../../../core/statistics.ts';
import { profilePath } from '../../../device-agent/profiler/profile-store.ts';

export interface Pace {
  /** Prefill of one token at the full level. */
  readonly tokenMs: number;
  /** TPOT of the full level. */
  readonly tpotMs: number;
}

/** A device whose latencies grow in proportion with tokens and level. */
export function linearProfile(bundleId: string, { tokenMs, tpotMs }: Pace): LatencyProfile {
  return {
    schemaVersion: 1,
    bundleId,
    mode: 'quick',
    measuredAt: '2026-01-01T00:00:00Z',
    device: { serial: '', model: '', virtual: true },
    runtime: { onnxruntime: '1', node: '20', provider: 'cpu', arch: 'x64' },
    threads: 1,
    decodeTokens: 12,
    warmUpRuns: 1,
    temperatureC: { before: null, after: null },
    cells: LEVELS.flatMap((level) =>
      [100, 400].map((promptTokens) => ({
        level,
        promptTokens,
        threads: 1,
        ttftMs: summarize([(tokenMs * promptTokens * level) / 100]),
        tpotMs: summarize([(tpotMs * level) / 100]),
      })),
    ),
  };
}

/** Puts a profile where an agent of this home finds it. */
export function storeProfile(home: string, profile: LatencyProfile): void {
  const path = profilePath(home, profile.bundleId, profile.threads);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(profile));
}
