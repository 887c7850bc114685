import type { ProviderSpeed } from '../../core/provider-proof.ts';
import { median } from '../../core/statistics.ts';

/** Runs the phases on one provider as requests do. */
export interface PhaseTimer {
  /** One prefill of `tokens` tokens at the full level, ms. */
  readonly prefillMs: (tokens: number) => Promise<number>;
  /** Mean of a few decode steps, ms per token; null = this one does not decode. */
  readonly decodeMs: (() => Promise<number>) | null;
}

/** Prompt lengths that are compared: one and two whole chunks of the static graphs, as most prompts are. */
export const PROOF_LENGTHS = [128, 256] as const;
const ROUNDS = 4;
/** Counted at least: two where timers are compared, one where there is nothing to compare with. */
const LEAST_ROUNDS = { compared: 2, alone: 1 };
/** After this no further round is begun: an emulated phone is many times slower than a real one. */
const BUDGET_MS = 3_000;

interface Samples {
  readonly prefill: readonly number[][];
  readonly decode: number[];
}

/**
 * Median times of several timers, their runs taken in turn so that heat and other load meet all alike; the first run
 * of each is a warm-up.
 *
 * @param cancelled looked at between runs; true ends early with what there is.
 */
export async function measureSpeeds<K extends string>(
  timers: Readonly<Record<K, PhaseTimer>>,
  lengths: readonly number[],
  cancelled: () => boolean,
): Promise<Record<K, ProviderSpeed>> {
  const measured = Object.entries<PhaseTimer>(timers).map(([name, timer]) => ({
    name,
    timer,
    samples: { prefill: lengths.map((): number[] => []), decode: [] },
  }));
  const least = measured.length > 1 ? LEAST_ROUNDS.compared : LEAST_ROUNDS.alone;
  const startedAtMs = performance.now();
  for (let round = 0; round <= ROUNDS && !cancelled(); round++) {
    if (round > least && performance.now() - startedAtMs > BUDGET_MS) break;
    for (const { timer, samples } of measured) await runRound(timer, samples, lengths, round > 0, cancelled);
  }
  const speeds = measured.map(({ name, samples }) => [name, speedOf(samples, lengths)]);
  // One entry per timer, under its own name.
  return Object.fromEntries(speeds) as Record<K, ProviderSpeed>;
}

async function runRound(
  { prefillMs, decodeMs }: PhaseTimer,
  samples: Samples,
  lengths: readonly number[],
  counts: boolean,
  cancelled: () => boolean,
): Promise<void> {
  for (const [i, tokens] of lengths.entries()) {
    if (cancelled()) return;
    const ms = await prefillMs(tokens);
    if (counts) samples.prefill[i]?.push(ms);
  }
  if (decodeMs === null || cancelled()) return;
  const ms = await decodeMs();
  if (counts) samples.decode.push(ms);
}

function speedOf({ prefill, decode }: Samples, lengths: readonly number[]): ProviderSpeed {
  return {
    prefill: lengths.flatMap((tokens, i) => {
      const runs = prefill[i] ?? [];
      return runs.length === 0 ? [] : [{ tokens, medianMs: median(runs), runs: runs.length }];
    }),
    decodeMs: decode.length === 0 ? null : median(decode),
  };
}
