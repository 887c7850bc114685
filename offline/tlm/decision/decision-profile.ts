import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { latencyProfileSchema, type LatencyProfile } from '../../../core/latency-profile.ts';
import { parseJsonWith } from '../../../core/parse.ts';
import { median } from '../../../core/statistics.ts';
import { tlmInputs } from '../../../core/tlm.ts';
import type { OpenLevels } from '../../evaluation/bundle-levels.ts';
import { measureLatency } from '../../evaluation/measure-latency.ts';
import type { OnProgress } from '../../progress.ts';
import { TlmRunner, type TrainedTlm } from '../tlm-runner.ts';
import type { DecisionDevice } from './decision-device.ts';

const fileSchema = z.object({ profile: latencyProfileSchema, tlmShare: z.number().min(0) });

const SHARE_TOKENS = 256;
const SHARE_RUNS = 7;

/**
 * What strategies cost: by a phone's profile where one is given, else measured on this computer; once, because no two
 * measurements are alike and training is to repeat exactly. Rejects when the signal fires.
 *
 * @param path where it is kept
 */
export async function decisionDevice(
  path: string,
  given: LatencyProfile | null,
  open: OpenLevels,
  bundleId: string,
  tlm: TrainedTlm,
  onProgress: OnProgress,
  signal?: AbortSignal,
): Promise<DecisionDevice> {
  const levels = open.levels.map(({ level }) => level);
  if (existsSync(path)) {
    const kept = parseJsonWith(fileSchema, readFileSync(path, 'utf8'), path);
    const asGiven = kept.ok && (given === null || isDeepStrictEqual(kept.value.profile, given));
    if (asGiven) return { levels, ...kept.value };
  }
  const profile = given ?? (await measureLatency(open, bundleId, undefined, onProgress, signal));
  const measured = { profile, tlmShare: await shareOfTtft(open, tlm, signal) };
  writeFileSync(path, `${JSON.stringify(measured)}\n`);
  return { levels, ...measured };
}

/** Median share of the full level's prefill that the TLM takes on this computer, one after the other. */
async function shareOfTtft(
  { levels }: OpenLevels,
  tlm: TrainedTlm,
  signal: AbortSignal | undefined,
): Promise<number> {
  const tokens = Array.from({ length: SHARE_TOKENS }, (_, i) => i + 1);
  const inputs = tlmInputs(tlm.config, tokens, Int32Array.from(tokens.keys()), { ttft: 0.5, tpot: 0.5 });
  const runner = await TlmRunner.open(tlm);
  const shares: number[] = [];
  try {
    for (let run = 0; run <= SHARE_RUNS; run++) {
      signal?.throwIfAborted();
      const startedAtMs = performance.now();
      await runner.run(inputs);
      const between = performance.now();
      await levels.at(-1)?.source.openPrefix(tokens, 1);
      if (run > 0) shares.push((between - startedAtMs) / (performance.now() - between));
    }
  } finally {
    await runner.close();
  }
  return median(shares);
}
