import type { LatencyProfile, PredictedLatency } from '../../../core/latency-profile.ts';
import { LEVELS, type Level } from '../../../core/level.ts';
import { summarize } from '../../../core/statistics.ts';

/**
 * A profile whose cells say exactly what `latencyOf` does, at every level and these prompt lengths.
 *
 * @param changes what a test wants to be different from the plain quick profile of two threads
 */
export function madeProfile(
  latencyOf: (level: Level, promptTokens: number) => PredictedLatency,
  promptLengths: readonly number[],
  changes: Partial<LatencyProfile> = {},
): LatencyProfile {
  const threads = changes.threads ?? 2;
  return {
    schemaVersion: 1,
    bundleId: 'b',
    mode: 'quick',
    measuredAt: '2026-01-01T00:00:00Z',
    device: { serial: 's', model: 'm', virtual: true },
    runtime: { onnxruntime: '1', node: '20', provider: 'cpu', arch: 'x64' },
    threads,
    decodeTokens: 12,
    warmUpRuns: 1,
    temperatureC: { before: null, after: null },
    cells: LEVELS.flatMap((level) =>
      promptLengths.map((promptTokens) => {
        const { ttftMs, tpotMs } = latencyOf(level, promptTokens);
        return { level, promptTokens, threads, ttftMs: summarize([ttftMs]), tpotMs: summarize([tpotMs]) };
      }),
    ),
    ...changes,
  };
}
