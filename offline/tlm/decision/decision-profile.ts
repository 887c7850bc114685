import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { latencyProfileSchema, predictLatency } from '../../../core/latency-profile.ts';
import { FULL_LEVEL } from '../../../core/level.ts';
import { parseJsonWith } from '../../../core/parse.ts';
import { tlmInputs, type TlmConfig } from '../../../core/tlm.ts';
import type { OpenLevels } from '../../evaluation/bundle-levels.ts';
import { measureLatency } from '../../evaluation/measure-latency.ts';
import type { OnProgress } from '../../progress.ts';
import type { EmbeddingRows } from '../embedding-rows.ts';
import { TlmRunner } from '../tlm-runner.ts';
import type { DecisionDevice } from './decision-device.ts';

const fileSchema = z.object({ profile: latencyProfileSchema, tlmShare: z.number().min(0) });

const SHARE_TOKENS = 256;
const SHARE_RUNS = 7;

/**
 * What strategies cost on this computer, measured once: the file makes training repeat exactly although no two
 * measurements are alike. Rejects when the signal fires.
 */
export async function decisionDevice(
  path: string,
  open: OpenLevels,
  bundleId: string,
  tlm: {
    readonly config: TlmConfig;
    readonly embedding: EmbeddingRows;
    readonly parameters: Float32Array;
  },
  onProgress: OnProgress,
  signal?: AbortSignal,
): Promise<DecisionDevice> {
  const levels = open.levels.map(({ level }) => level);
  if (existsSync(path)) {
    const kept = parseJsonWith(fileSchema, readFileSync(path, 'utf8'), path);
    if (kept.ok) return { levels, ...kept.value };
  }
  const profile = await measureLatency(open, bundleId, undefined, onProgress, signal);
  const fullMs = predictLatency(profile, FULL_LEVEL, SHARE_TOKENS)?.ttftMs ?? 1;
  const tokens = Array.from({ length: SHARE_TOKENS }, (_, i) => i + 1);
  const runner = await TlmRunner.open(tlm.config, tlm.embedding, tlm.parameters);
  let least = Infinity;
  for (let run = 0; run < SHARE_RUNS; run++) {
    const startedAtMs = performance.now();
    await runner.run(tlmInputs(tlm.config, tokens, Int32Array.from(tokens.keys()), { ttft: 0.5, tpot: 0.5 }));
    least = Math.min(least, performance.now() - startedAtMs);
  }
  await runner.close();
  const measured = { profile, tlmShare: least / fullMs };
  writeFileSync(path, `${JSON.stringify(measured)}\n`);
  return { levels, ...measured };
}
