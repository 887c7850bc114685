import { LEVELS } from '../../../core/level.ts';
import type { LatencyProfile } from '../../../core/latency-profile.ts';
import { summarize } from '../../../core/statistics.ts';
import type { Situation } from '../../../offline/evaluation/strategies/index.ts';

/** A device that follows the paper's cost law: TTFT = tokens x level, TPOT = level. */
export function lawfulProfile(): LatencyProfile {
  const same = (value: number): ReturnType<typeof summarize> => summarize([value, value]);
  return {
    schemaVersion: 1,
    bundleId: 'test',
    mode: 'quick',
    measuredAt: '2026-01-01T00:00:00.000Z',
    device: { serial: 'test', model: 'test', virtual: true },
    runtime: { onnxruntime: 'none', node: 'none', provider: 'cpu', arch: 'none' },
    threads: 1,
    decodeTokens: 1,
    warmUpRuns: 0,
    temperatureC: { before: null, after: null },
    cells: [10, 1000].flatMap((promptTokens) =>
      LEVELS.map((level) => ({
        level,
        promptTokens,
        threads: 1,
        ttftMs: same((promptTokens * level) / 100),
        tpotMs: same(level),
      })),
    ),
  };
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
