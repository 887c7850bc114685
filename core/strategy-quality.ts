import { z } from 'zod';
import { LEVELS, type Level } from './level.ts';
import { PROMPT_LEVELS } from './prompt-level.ts';

/**
 * What strategies are worth, measured offline on requests with known answers: mean probability of the right
 * answer among its choices, [PROMPT_LEVELS][LEVELS], 0..1.
 */
export const strategyQualitySchema = z.object({
  values: z.array(z.array(z.number().min(0).max(1)).length(LEVELS.length)).length(PROMPT_LEVELS.length),
  /** Requests that it is the mean of. */
  requests: z.int().nonnegative(),
  /** What they were, for people. */
  text: z.string(),
});
export type StrategyQuality = z.infer<typeof strategyQualitySchema>;

/** Quality of a strategy; null where the prompt level is none of the table's. */
export function qualityOf(quality: StrategyQuality, promptLevel: number, modelLevel: Level): number | null {
  const row = PROMPT_LEVELS.findIndex((level) => Math.abs(level - promptLevel) < 1e-6);
  return quality.values[row]?.[LEVELS.indexOf(modelLevel)] ?? null;
}
