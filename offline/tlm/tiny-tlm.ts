import { LEVELS } from '../../core/level.ts';
import { PROMPT_LEVELS } from '../../core/prompt-level.ts';
import type { TlmConfig } from '../../core/tlm.ts';
import type { LearnedTlm } from '../recipe/loaded-recipe.ts';
import { encodeTlm, initialTlmParameters } from './tlm-parameters.ts';

export const TINY_TLM_CONFIG: TlmConfig = {
  hiddenSize: 32,
  heads: 2,
  ffnSize: 64,
  sharedLayers: 1,
  scoreLayers: 1,
  decisionLayers: 1,
  rowTokens: 64,
};

/**
 * A TLM of random parameters, as tests of what runs it want one; its table of qualities grows with prompt and model.
 *
 * @param inputSize width of the LLM's embedding
 */
export function tinyTlm(inputSize: number, seed = 1): LearnedTlm {
  const parameters = initialTlmParameters(TINY_TLM_CONFIG, inputSize, seed);
  return {
    about: {
      config: TINY_TLM_CONFIG,
      quality: {
        values: PROMPT_LEVELS.map((p) => LEVELS.map((m) => 0.2 + 0.4 * p + (0.4 * m) / 100)),
        requests: 0,
        text: 'not measured',
      },
      method: 'random parameters',
      seed,
    },
    bytes: encodeTlm(parameters),
  };
}
