import { decoderParams, totalParams, type ModelConfig } from '../../core/model-config.ts';
import { isGradientCriterion } from '../importance/criteria.ts';
import { LEVELS } from '../../core/level.ts';
import type { LearnOptions } from './learn.ts';

/** Parameters of SmolLM2-135M, whose times (2 cores) the others are scaled from. */
const MEASURED_PARAMS = 134_479_872;

/** How long each stage will take, roughly: the shares of the progress. `learning` null = nothing is to be learned. */
export function stageSeconds(
  config: ModelConfig,
  learning: Pick<LearnOptions, 'criterion' | 'recovery' | 'steps' | 'levels'> | null,
  variants: number,
  card: boolean,
): {
  readonly importance: number;
  readonly recovery: number;
  readonly 'write weights': number;
  readonly 'measure quality': number;
  readonly 'quality card': number;
  readonly finish: number;
} {
  const size = totalParams(config) / MEASURED_PARAMS;
  const trains = learning !== null && learning.recovery !== 'none' && learning.levels !== 'single';
  const steps = trains ? learning.steps * (LEVELS.length - 1) : 0;
  return {
    importance: learning === null ? 0 : size * (isGradientCriterion(learning.criterion) ? 300 : 15),
    // A step's time goes with the decoder's size; at most levels about half of it is on.
    recovery: (decoderParams(config) / MEASURED_PARAMS) * 3.5 * steps,
    'write weights': size * 6 * variants,
    'measure quality': size * 10 * variants,
    'quality card': card ? size * 600 : 0,
    finish: Math.max(0.1, size),
  };
}
