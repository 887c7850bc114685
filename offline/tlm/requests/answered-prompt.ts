import type { CompressiblePrompt } from '../../../core/compress-prompt.ts';
import type { StrategyRequest } from './strategy-request.ts';

/** A prompt with its right answer: what labels of the score head are made from. */
export interface AnsweredPrompt {
  readonly id: string;
  readonly prompt: CompressiblePrompt;
  /** Text of each prompt token. */
  readonly pieces: readonly string[];
  readonly answer: readonly number[];
}

export function answeredPrompt({ id, prompt, pieces, choices, gold }: StrategyRequest): AnsweredPrompt {
  return { id, prompt, pieces, answer: choices[gold]?.tokens ?? [] };
}
