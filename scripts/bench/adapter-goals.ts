import type { Level } from '../../core/level.ts';
import { goal, type Goal } from './engine-goals.ts';
import type { LevelSamples, Measured } from './engine-samples.ts';

/** Shares of a level's own time that its adapter may take. */
const TTFT_SHARE = 0.03;
const TPOT_SHARE = 0.05;
/** The prompt that the TTFT share is judged at, tokens. */
const PROMPT_TOKENS = 256;

export interface AdapterMeasurement {
  readonly variant: string;
  readonly adapted: Measured;
  /** The same levels of the same weights in a graph without adapters. */
  readonly bare: Measured;
}

/**
 * What recovery adapters cost at each level: how much longer TTFT and TPOT are than in the same bundle without
 * them.
 */
export function adapterGoals(
  { variant, adapted, bare }: AdapterMeasurement,
  promptLengths: readonly number[],
  threads: number,
): Goal[] {
  const tokens = promptLengths.includes(PROMPT_TOKENS) ? PROMPT_TOKENS : Math.max(...promptLengths);
  const pairs = [...adapted.levels].flatMap(([level, samples]): [Level, LevelSamples, LevelSamples][] => {
    const without = bare.levels.get(level);
    return level === null || without === undefined ? [] : [[level, samples, without]];
  });
  return pairs.flatMap(([level, samples, without]) => [
    goal(
      `${variant}: adapter's share of TTFT at ${tokens} tokens, level ${level}`,
      threads,
      samples.medianTtftMs(tokens) / without.medianTtftMs(tokens) - 1,
      'smaller',
      TTFT_SHARE,
    ),
    goal(
      `${variant}: adapter's share of TPOT, level ${level}`,
      threads,
      samples.medianTpotMs() / without.medianTpotMs() - 1,
      'smaller',
      TPOT_SHARE,
    ),
  ]);
}
