import { decoderParams, totalParams, type ModelConfig } from '../../core/model-config.ts';
import { isGradientCriterion } from '../importance/criteria.ts';
import { LEVELS } from '../../core/level.ts';
import type { LearnOptions } from './learn.ts';

/** Parameters of SmolLM2-135M, whose times (2 cores) the others are scaled from. */
const MEASURED_PARAMS = 134_479_872;

type PlannedLearning = Pick<LearnOptions, 'criterion' | 'recovery' | 'sharedRank' | 'steps' | 'levels'>;

/** How long each stage will take, roughly: the shares of the progress. `learning` null = nothing is to be learned. */
export function stageSeconds(
  config: ModelConfig,
  learning: PlannedLearning | null,
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
  return {
    importance: learning === null ? 0 : size * (isGradientCriterion(learning.criterion) ? 540 : 15),
    recovery: (decoderParams(config) / MEASURED_PARAMS) * recoverySeconds(learning),
    'write weights': size * 6 * variants,
    'measure quality': size * 10 * variants,
    'quality card': card ? size * 600 : 0,
    finish: Math.max(0.1, size),
  };
}

/** Of a decoder as large as the measured model. */
function recoverySeconds(learning: PlannedLearning | null): number {
  if (learning === null || learning.recovery === 'none' || learning.levels === 'single') return 0;
  const { sharedRank, steps } = learning;
  // At most levels about half of the decoder is on.
  if (sharedRank === null) return 3.5 * steps * (LEVELS.length - 1);
  const compensation = 800;
  return compensation + 1.8 * steps * LEVELS.length;
}
