import { seededRandom } from '../../../core/random.ts';
import { median } from '../../../core/statistics.ts';
import type { LogitsSource } from '../logits-source.ts';
import { openPrefix } from '../logits-source.ts';
import type { TlmAdvice, TlmQuestion } from './judge-request.ts';

const LENGTHS: readonly number[] = [64, 128, 256, 512, 1024];
const RUNS = 5;

/** What the TLM costs at some prompt lengths, as a share of the full model's TTFT on the same computer. */
export interface TlmShare {
  readonly points: readonly { readonly promptTokens: number; readonly share: number }[];
}

/**
 * The two take turns, so that other work on the computer meets both alike. Rejects when the signal fires.
 *
 * @param contextLength tokens that the model takes
 */
export async function measureTlmShare(
  ask: (question: TlmQuestion) => Promise<TlmAdvice>,
  full: LogitsSource,
  contextLength: number,
  signal?: AbortSignal,
): Promise<TlmShare> {
  const random = seededRandom(1);
  const points: { promptTokens: number; share: number }[] = [];
  for (const promptTokens of LENGTHS.filter((length) => length < contextLength)) {
    const shares: number[] = [];
    for (let run = 0; run <= RUNS; run++) {
      signal?.throwIfAborted();
      const tokens = Array.from({ length: promptTokens }, () => Math.floor(random() * full.vocabSize));
      const started = performance.now();
      await ask({ tokens, words: Int32Array.from(tokens.keys()), ratios: { ttft: 0.5, tpot: 0.5 } });
      const asked = performance.now();
      await openPrefix(full, tokens, 1);
      if (run > 0) shares.push((asked - started) / (performance.now() - asked));
    }
    points.push({ promptTokens, share: median(shares) });
  }
  return { points };
}

/** The share at a prompt length: that of the nearest measured one. */
export function tlmShareAt({ points }: TlmShare, promptTokens: number): number {
  let best = points[0];
  for (const point of points)
    if (
      best === undefined ||
      Math.abs(Math.log(point.promptTokens / promptTokens)) <
        Math.abs(Math.log(best.promptTokens / promptTokens))
    )
      best = point;
  return best?.share ?? 0;
}
