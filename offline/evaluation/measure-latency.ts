import { availableParallelism, cpus } from 'node:os';
import * as ort from 'onnxruntime-node';
import type { LatencyProfile, ProfileCell } from '../../core/latency-profile.ts';
import { PROFILE_SCHEMA_VERSION } from '../../core/latency-profile.ts';
import { seededRandom } from '../../core/random.ts';
import { summarize } from '../../core/statistics.ts';
import type { OnProgress } from '../progress.ts';
import type { LevelsManifest, OpenLevels } from './bundle-levels.ts';

export interface LatencyMeasurement {
  /** Prompt lengths, tokens. */
  readonly promptTokens: readonly number[];
  /** Runs of each cell; half of them count. */
  readonly runs: number;
  /** Single tokens decoded after each prompt. */
  readonly decodeTokens: number;
}

export const QUICK_MEASUREMENT: LatencyMeasurement = {
  promptTokens: [32, 128, 384, 768],
  runs: 6,
  decodeTokens: 6,
};

/** The faster half: other work on a computer that also does other things only ever makes a run slower. */
export function undisturbed(samples: readonly number[]): number[] {
  return [...samples].sort((a, b) => a - b).slice(0, Math.ceil(samples.length / 2));
}

/**
 * A latency profile of this computer, through the session that scores answers: what strategies cost relative to each
 * other where no phone's profile is at hand. Cells take turns, so that drift meets all of them alike.
 *
 * @throws when the signal fires.
 */
export async function measureLatency(
  { levels, manifest }: Pick<OpenLevels, 'levels'> & { readonly manifest: Pick<LevelsManifest, 'model'> },
  bundleId: string,
  { promptTokens, runs, decodeTokens }: LatencyMeasurement = QUICK_MEASUREMENT,
  onProgress: OnProgress = () => undefined,
  signal?: AbortSignal,
): Promise<LatencyProfile> {
  const startedAtMs = performance.now();
  const lengths = promptTokens.filter((tokens) => tokens < manifest.model.contextLength);
  const cells = lengths.flatMap((tokens) =>
    levels.map(({ level, source }) => ({
      level,
      source,
      tokens,
      ttftMs: [] as number[],
      tpotMs: [] as number[],
    })),
  );
  const weight = (tokens: number): number => tokens + 10 * decodeTokens;
  const whole = (runs + 1) * cells.reduce((sum, { tokens }) => sum + weight(tokens), 0);
  let done = 0;
  // The first round warms up.
  for (let run = 0; run <= runs; run++)
    for (const cell of cells) {
      signal?.throwIfAborted();
      const { ttftMs, tpotMs } = await timed(cell.source, cell.tokens, decodeTokens, run);
      if (run > 0) {
        cell.ttftMs.push(ttftMs);
        cell.tpotMs.push(...tpotMs);
      }
      done += weight(cell.tokens);
      const fraction = done / whole;
      const seconds = (performance.now() - startedAtMs) / 1000;
      onProgress({
        stage: 'latency on this computer',
        fraction,
        etaSeconds: fraction > 0.02 ? (seconds / fraction) * (1 - fraction) : null,
      });
    }
  const threads = availableParallelism();
  return {
    schemaVersion: PROFILE_SCHEMA_VERSION,
    bundleId,
    mode: 'quick',
    measuredAt: new Date().toISOString(),
    device: {
      serial: 'this-computer',
      model: `this computer (${cpus()[0]?.model.trim() ?? 'unknown'}), through the offline scorer`,
      virtual: true,
    },
    runtime: {
      onnxruntime: ort.env.versions.node ?? ort.env.versions.common,
      node: process.versions.node,
      provider: 'cpu',
      arch: process.arch,
    },
    threads,
    decodeTokens,
    warmUpRuns: 1,
    temperatureC: { before: null, after: null },
    cells: cells.map(({ level, tokens, ttftMs, tpotMs }): ProfileCell => ({
      level,
      promptTokens: tokens,
      threads,
      ttftMs: summarize(undisturbed(ttftMs)),
      tpotMs: summarize(undisturbed(tpotMs)),
    })),
  };
}

/** One prompt of arbitrary tokens and some single tokens after it. */
async function timed(
  source: OpenLevels['levels'][number]['source'],
  promptTokens: number,
  decodeTokens: number,
  seed: number,
): Promise<{ ttftMs: number; tpotMs: number[] }> {
  const random = seededRandom(seed + 1);
  const token = (): number => Math.floor(random() * source.vocabSize);
  const prompt = Array.from({ length: promptTokens }, token);
  const startedAtMs = performance.now();
  const prefix = await source.openPrefix(prompt, 1);
  const ttftMs = performance.now() - startedAtMs;
  const tpotMs: number[] = [];
  for (let i = 0; i < decodeTokens; i++) {
    const next = [token()];
    const at = performance.now();
    await prefix.continueWith(next);
    tpotMs.push(performance.now() - at);
  }
  return { ttftMs, tpotMs };
}
