/** Prompt levels p: shares of a prompt's tokens that are kept (paper §4.1: ten classes), ascending; 1 = whole. */
export const PROMPT_LEVELS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1] as const;
export type PromptLevel = (typeof PROMPT_LEVELS)[number];

export const WHOLE_PROMPT: PromptLevel = 1;

/**
 * Tokens of the compressible part that are kept so that about `promptLevel` of the whole prompt remains; what must
 * stay (the question) stays, so a small level may keep more than its share (paper §4.2:
 * r = max(0, ((n_sys + n_query) p - n_query) / n_sys)).
 */
export function keptCompressibleTokens(
  promptTokens: number,
  compressibleTokens: number,
  promptLevel: number,
): number {
  const fixed = promptTokens - compressibleTokens;
  return Math.min(compressibleTokens, Math.max(0, Math.round(promptTokens * promptLevel) - fixed));
}

/** Tokens of the whole prompt that remain at a prompt level. */
export function keptTokens(promptTokens: number, compressibleTokens: number, promptLevel: number): number {
  return (
    promptTokens - compressibleTokens + keptCompressibleTokens(promptTokens, compressibleTokens, promptLevel)
  );
}
